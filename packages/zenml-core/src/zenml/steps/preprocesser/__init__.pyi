# Preprocesser steps: from raw columns to what a model reads. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.steps.preprocesser.standard import StandardPreprocesser as StandardPreprocesser
