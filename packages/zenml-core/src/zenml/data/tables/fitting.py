"""Which texts are dates or times, of many that may not be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zenml.data.schema import LogicalType
from zenml.data.tables.convert import misfits
from zenml.data.tables.timestamps import parse_timestamps

_SHAPE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T0-9:.,+\-Zz]*$"
_FRACTION = r"^([ T][0-9]{2}:[0-9]{2}:[0-9]{2})\.[0-9]{1,6}"
_DATE, _ANY_DATE = 10, "1970-01-01"


def fitting_timestamps(texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Say which texts are dates or times that exist, or null.

    Dates, and times without the fraction of the second, are looked at by themselves, because there are few of them.
    """
    try:
        parse_timestamps(texts)
    except pa.ArrowInvalid:
        likely = pc.match_substring_regex(texts, _SHAPE)
        candidates = pc.if_else(likely, texts, pa.scalar(None, pa.string()))
        times = pc.replace_substring_regex(pc.utf8_slice_codeunits(candidates, _DATE), _FRACTION, r"\1")
        times = pc.binary_join_element_wise(_ANY_DATE, times, "")
        dates = pc.utf8_slice_codeunits(candidates, 0, _DATE)
        fits: npt.NDArray[np.bool_] = likely.fill_null(True).to_numpy(zero_copy_only=False)
        return fits & _fitting(dates) & _fitting(times)
    return np.ones(len(texts), bool)


def _fitting(texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Say which texts fit, or are null; each distinct one is looked at once."""
    coded = texts.dictionary_encode()
    found = np.ones(len(coded.dictionary), bool)
    found[misfits(coded.dictionary, LogicalType.TIMESTAMP, len(found))] = False
    fits: npt.NDArray[np.bool_] = pa.array(found).take(coded.indices).fill_null(True).to_numpy(zero_copy_only=False)
    return fits
