# Trainer steps: from transformed examples to a model. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.steps.trainer.base import Trainer as Trainer
from zenml_sklearn.trainer import SklearnTrainer as SklearnTrainer
