"""Transforms: fillings and transforms of columns, and the fitted `Transform` that applies them everywhere alike."""

from zenml.data.transforms.chain import Chain, FittedChain
from zenml.data.transforms.covariance import Covariance
from zenml.data.transforms.custom import CustomTransform
from zenml.data.transforms.fillings import FILLINGS
from zenml.data.transforms.fitting import Fitting, Tap
from zenml.data.transforms.group import GROUP_TRANSFORMS, FittedGroup, Group, group_problems
from zenml.data.transforms.method import Fitted, Method
from zenml.data.transforms.plan import ONE_HOT_LIMIT, Asked, plan_chains, used_columns
from zenml.data.transforms.summary import Need, Summary
from zenml.data.transforms.table import TRANSFORMS, transform_class
from zenml.data.transforms.transform import Transform
from zenml.data.transforms.values import ValueType

__all__ = [
    "FILLINGS",
    "GROUP_TRANSFORMS",
    "ONE_HOT_LIMIT",
    "TRANSFORMS",
    "Asked",
    "Chain",
    "Covariance",
    "CustomTransform",
    "Fitted",
    "FittedChain",
    "FittedGroup",
    "Fitting",
    "Group",
    "Method",
    "Need",
    "Summary",
    "Tap",
    "Transform",
    "ValueType",
    "group_problems",
    "plan_chains",
    "transform_class",
    "used_columns",
]
