# Split steps: which rows train a model and which evaluate it. Serves those of every installed plugin.
# Written by tools/facades.py.

from zenml.steps.split.base import Split as Split
from zenml.steps.split.categorical_domain_split import CategoricalDomainSplit as CategoricalDomainSplit
from zenml.steps.split.categorical_ratio_split import CategoricalRatioSplit as CategoricalRatioSplit
from zenml.steps.split.key_split import KeySplit as KeySplit
from zenml.steps.split.no_split import NoSplit as NoSplit
from zenml.steps.split.random_split import RandomSplit as RandomSplit
from zenml.steps.split.time_split import TimeSplit as TimeSplit
