# Split steps: which rows train a model and which evaluate it. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.steps.split.base import Split as Split
from zenml.steps.split.no_split import NoSplit as NoSplit
from zenml.steps.split.random_split import RandomSplit as RandomSplit
