"""The table of transforms by name, and how a user's own is found."""

from __future__ import annotations

from zenml.data.transforms.bucketize import Bucketize
from zenml.data.transforms.clip import Clip
from zenml.data.transforms.custom import CustomTransform
from zenml.data.transforms.dates import DatePart
from zenml.data.transforms.hash_strings import HashStrings
from zenml.data.transforms.identity import NoTransform
from zenml.data.transforms.images import ImageReshape, LoadBinaryImage
from zenml.data.transforms.log import Log
from zenml.data.transforms.method import Method
from zenml.data.transforms.scaling import ScaleByMinMax, ScaleTo01, ScaleToZScore
from zenml.data.transforms.terms import Ngrams, Tfidf
from zenml.data.transforms.vocabulary import ComputeAndApplyVocabulary, OneHotEncode
from zenml.errors import PluginError
from zenml.plugins.target import import_target

TRANSFORMS: dict[str, type[Method]] = {
    method.NAME: method
    for method in (
        ScaleToZScore,
        ScaleByMinMax,
        ScaleTo01,
        OneHotEncode,
        ComputeAndApplyVocabulary,
        HashStrings,
        Ngrams,
        Tfidf,
        LoadBinaryImage,
        ImageReshape,
        Bucketize,
        Clip,
        Log,
        DatePart,
        NoTransform,
    )
}
"""All transforms by name."""


def transform_class(name: str) -> type[Method]:
    """Return a transform by its name in the table, or a user's own by `module:Class`.

    Raises:
        PluginError: there is no such class, or it is not a transform that any process can import.
        KeyError: there is no such name in the table.
    """
    if ":" not in name:
        return TRANSFORMS[name]
    if name.startswith(("__main__:", "__mp_main__:")):
        mend = "Move it into a module, as other processes and the saved transform find it by name"
        raise PluginError("the launched script or a notebook holds it", name, mend)
    found = import_target(name)
    if not (isinstance(found, type) and issubclass(found, CustomTransform)):
        raise PluginError("this is not a CustomTransform", name, "Derive it from zenml.data.transforms.CustomTransform")
    return found
