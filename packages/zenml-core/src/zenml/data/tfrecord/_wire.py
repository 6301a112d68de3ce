"""The protocol-buffer wire format of tf.Example, as far as one feature with one value needs it.

`Example{1: Features{1: map entry{1: key, 2: Feature{1|2|3: list{1: value}}}}}`, after tensorflow/core/example.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import pyarrow as pa

from zenml.errors import DataError, Problem

MESSAGE = b"\x0a"
"""Tag of field 1, length-delimited: the features, a map entry, its key, the value of a bytes list, packed numbers."""

ENTRY_VALUE = b"\x12"
"""Tag of the value of a map entry."""


class Kind(IntEnum):
    """The three kinds of feature, each with the tag of its list in `Feature`."""

    BYTES = 0x0A
    FLOAT = 0x12
    INT = 0x1A


@dataclass(frozen=True)
class Column:
    """A column of a table as a feature.

    Args:
        name: its name.
        index: its position in the schema.
        type: its Arrow type.
        kind: the kind of feature that holds it.
    """

    name: str
    index: int
    type: pa.DataType
    kind: Kind

    @property
    def key(self) -> bytes:
        """The key in the feature map."""
        return self.name.encode()


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Kind], ...] = (
    (pa.types.is_floating, Kind.FLOAT),
    (pa.types.is_integer, Kind.INT),
    (pa.types.is_boolean, Kind.INT),
    (pa.types.is_timestamp, Kind.INT),
    (pa.types.is_string, Kind.BYTES),
    (pa.types.is_large_string, Kind.BYTES),
    (pa.types.is_binary, Kind.BYTES),
    (pa.types.is_large_binary, Kind.BYTES),
)


def columns_of(schema: pa.Schema) -> list[Column]:
    """Return the columns in the order of their keys, which is the order of a deterministic serialisation.

    Raises:
        DataError: names are not unique, or types that tf.Example cannot hold; all at once.
    """
    found: dict[str, Column] = {}
    problems = []
    for index, field in enumerate(schema):
        if field.name in found:
            problems.append(Problem("two columns have this name", f"column {field.name!r}"))
        kind = next((kind for fits, kind in _KINDS if fits(field.type)), None)
        if kind is None:
            mend = "Leave it out, or cast it to an integer, float, boolean, string, bytes or timestamp"
            what = f"a TFRecord file holds one number or string per cell, not {field.type}"
            problems.append(Problem(what, f"column {field.name!r}", mend))
        else:
            found[field.name] = Column(field.name, index, field.type, kind)
    if problems:
        raise DataError(problems)
    return sorted(found.values(), key=lambda column: column.key)


def varint(number: int) -> bytes:
    """Encode a number that is not negative, seven bits a byte, lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def entry_head(key: bytes, kind: Kind, size: int) -> bytes:
    """Return what stands before the `size` bytes of the one value of a map entry."""
    value = MESSAGE + varint(size)
    feature = bytes([kind]) + varint(len(value) + size) + value
    pair = MESSAGE + varint(len(key)) + key + ENTRY_VALUE + varint(len(feature) + size) + feature
    return MESSAGE + varint(len(pair) + size) + pair
