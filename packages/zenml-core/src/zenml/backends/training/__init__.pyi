# Training backends: where and how a trainer step runs. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.backends.interfaces import TrainingBackend as TrainingBackend
from zenml.runtime.training_base import TrainingBaseBackend as TrainingBaseBackend
from zenml_aws.sagemaker.backend import TrainingSagemakerBackend as TrainingSagemakerBackend
from zenml_aws.sagemaker.distributed import DistributedTrainingSagemakerBackend as DistributedTrainingSagemakerBackend
from zenml_gcp.vertex.replicated import TrainingGCAIPBackend as TrainingGCAIPBackend
from zenml_gcp.vertex.single_gpu import SingleGPUTrainingGCAIPBackend as SingleGPUTrainingGCAIPBackend
from zenml_pytorch.training_torch import TrainingTorchBackend as TrainingTorchBackend
from zenml_pytorch.training_torchrun import TrainingTorchrunBackend as TrainingTorchrunBackend
