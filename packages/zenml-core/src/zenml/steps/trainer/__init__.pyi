# Trainer steps: from transformed examples to a model. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.steps.trainer.base import Trainer as Trainer
from zenml_pytorch.base import TorchBaseTrainerStep as TorchBaseTrainerStep
from zenml_pytorch.trainer import TorchFeedForwardTrainer as TorchFeedForwardTrainer
from zenml_sklearn.boosting import SklearnBoostingTrainer as SklearnBoostingTrainer
from zenml_sklearn.partial_fit import SklearnPartialFitTrainer as SklearnPartialFitTrainer
from zenml_sklearn.trainer import SklearnTrainer as SklearnTrainer
from zenml_tensorflow.base import TFBaseTrainerStep as TFBaseTrainerStep
from zenml_tensorflow.trainer import TFFeedForwardTrainer as TFFeedForwardTrainer
