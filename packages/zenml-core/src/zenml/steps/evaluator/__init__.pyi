# Evaluator steps: metrics of a model, overall and by slice. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.steps.evaluator.agnostic import AgnosticEvaluator as AgnosticEvaluator
from zenml.steps.evaluator.tfma import TFMAEvaluator as TFMAEvaluator
