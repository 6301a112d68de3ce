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


def fitting_timestamps(texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Say which texts are dates or times that exist, or null; each distinct text is looked at once."""
    try:
        parse_timestamps(texts)
    except pa.ArrowInvalid:
        coded = texts.dictionary_encode()
        likely = pc.match_substring_regex(coded.dictionary, _SHAPE)
        found = likely.to_numpy(zero_copy_only=False).copy()
        candidates = coded.dictionary.filter(likely)
        found[np.flatnonzero(found)[misfits(candidates, LogicalType.TIMESTAMP, len(candidates))]] = False
        fits: npt.NDArray[np.bool_] = pa.array(found).take(coded.indices).fill_null(True).to_numpy(zero_copy_only=False)
        return fits
    return np.ones(len(texts), bool)
