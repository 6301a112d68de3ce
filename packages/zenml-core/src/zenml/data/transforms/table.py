"""The table of transforms by name."""

from __future__ import annotations

from zenml.data.transforms.identity import NoTransform
from zenml.data.transforms.method import Method
from zenml.data.transforms.scaling import ScaleByMinMax, ScaleToZScore
from zenml.data.transforms.vocabulary import ComputeAndApplyVocabulary, OneHotEncode

TRANSFORMS: dict[str, type[Method]] = {
    method.NAME: method
    for method in (ScaleToZScore, ScaleByMinMax, OneHotEncode, ComputeAndApplyVocabulary, NoTransform)
}
"""All transforms by name."""
