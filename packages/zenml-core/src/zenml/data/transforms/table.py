"""The table of transforms by name."""

from __future__ import annotations

from zenml.data.transforms.bucketize import Bucketize
from zenml.data.transforms.clip import Clip
from zenml.data.transforms.dates import DatePart
from zenml.data.transforms.hash_strings import HashStrings
from zenml.data.transforms.identity import NoTransform
from zenml.data.transforms.log import Log
from zenml.data.transforms.method import Method
from zenml.data.transforms.scaling import ScaleByMinMax, ScaleTo01, ScaleToZScore
from zenml.data.transforms.vocabulary import ComputeAndApplyVocabulary, OneHotEncode

TRANSFORMS: dict[str, type[Method]] = {
    method.NAME: method
    for method in (
        ScaleToZScore,
        ScaleByMinMax,
        ScaleTo01,
        OneHotEncode,
        ComputeAndApplyVocabulary,
        HashStrings,
        Bucketize,
        Clip,
        Log,
        DatePart,
        NoTransform,
    )
}
"""All transforms by name."""
