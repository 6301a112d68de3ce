"""The protocol-buffer wire format of tf.Example, as far as features with their values need it.

`Example{1: Features{1: map entry{1: key, 2: Feature{1|2|3: list{1: value}}}}}`, after tensorflow/core/example. The
numbers of a list are packed into one field; each text or bytes value is a field of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import pyarrow as pa

from zenml.data.lists import is_list
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


VALUE_BYTES = {Kind.BYTES: 0, Kind.FLOAT: 4, Kind.INT: 10}
"""The most bytes that a number takes."""

STORED = {Kind.BYTES: pa.binary(), Kind.FLOAT: pa.float32(), Kind.INT: pa.int64()}
"""The Arrow type of one value as it is stored."""


@dataclass(frozen=True)
class Column:
    """A column of a table as a feature.

    Args:
        name: its name.
        index: its position in the schema.
        type: its Arrow type.
        kind: the kind of feature that holds it.
        repeated: whether its cells are lists.
    """

    name: str
    index: int
    type: pa.DataType
    kind: Kind
    repeated: bool = False

    @property
    def key(self) -> bytes:
        """The key in the feature map."""
        return self.name.encode()

    @property
    def value_type(self) -> pa.DataType:
        """The Arrow type of one value."""
        return self.type.value_type if self.repeated else self.type

    @property
    def length(self) -> int | None:
        """How many values each list must have, if it is told."""
        return self.type.list_size if pa.types.is_fixed_size_list(self.type) else None


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
        repeated = is_list(field.type)
        value = field.type.value_type if repeated else field.type
        kind = next((kind for fits, kind in _KINDS if fits(value)), None)
        if kind is None:
            mend = "Leave it out, or cast it to an integer, float, boolean, string, bytes or timestamp"
            what = f"a TFRecord file holds numbers or strings, or lists of them, not {field.type}"
            problems.append(Problem(what, f"column {field.name!r}", mend))
        else:
            found[field.name] = Column(field.name, index, field.type, kind, repeated)
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


def list_head(key: bytes, kind: Kind, size: int) -> bytes:
    """Return what stands before the values of a list, which take `size` bytes with the tags that stand between them."""
    if size and kind is not Kind.BYTES:
        return entry_head(key, kind, size)
    feature = bytes([kind]) + varint(size)
    pair = MESSAGE + varint(len(key)) + key + ENTRY_VALUE + varint(len(feature) + size) + feature
    return MESSAGE + varint(len(pair) + size) + pair


def entry_head(key: bytes, kind: Kind, size: int) -> bytes:
    """Return what stands before the `size` bytes of the one value of a map entry."""
    value = MESSAGE + varint(size)
    feature = bytes([kind]) + varint(len(value) + size) + value
    pair = MESSAGE + varint(len(key)) + key + ENTRY_VALUE + varint(len(feature) + size) + feature
    return MESSAGE + varint(len(pair) + size) + pair
