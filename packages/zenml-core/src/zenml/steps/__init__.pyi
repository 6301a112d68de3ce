# Steps say what a pipeline does; each declares typed inputs and outputs.
# Written by tools/facades.py.

from zenml.steps.base import Step as Step
from zenml.steps.base import StepContext as StepContext
