"""sample_features: what the first records of a file hold, when no schema says it."""

from __future__ import annotations

from dataclasses import dataclass, field

from zenml.data.tfrecord._frames import Read, frames_of
from zenml.data.tfrecord._record import all_features
from zenml.data.tfrecord._wire import Kind

_STORED = {Kind.BYTES: "bytes", Kind.FLOAT: "float", Kind.INT: "int64"}


@dataclass
class Sampled:
    """What is known of a feature.

    Args:
        kinds: kinds of its lists: `bytes`, `float`, `int64`.
        fewest: values in its shortest list; 1 where none was seen.
        most: values in its longest list; 1 where none was seen.
        text: whether all its bytes are UTF-8.
    """

    kinds: set[str] = field(default_factory=set)
    fewest: int = 1
    most: int = 1
    text: bool = True


def sample_features(read: Read, size: int, records: int, *, name: str, found: dict[str, Sampled]) -> int:
    """Look into the first records of a file.

    Args:
        read: gives so many bytes from a position on.
        size: how many bytes there are.
        records: how many records to look into.
        name: what to call the file in an error.
        found: what is known of the features by name, to which this adds.

    Returns:
        How many records were looked into.

    Raises:
        DataError: a checksum that is wrong, a cut off record, or one that is no tf.Example.
    """
    seen = 0
    for frames in frames_of(read, size, name, 0):
        view = memoryview(frames.data)
        for row, (start, stop) in enumerate(zip(frames.starts.tolist(), frames.stops.tolist(), strict=True)):
            if seen == records:
                return seen
            seen += 1
            for key, (kind, values) in all_features(view[start:stop], frames.place(row)).items():
                known = found.setdefault(key.decode("utf-8", "backslashreplace"), Sampled())
                first = not known.kinds
                known.fewest = len(values) if first else min(known.fewest, len(values))
                known.most = len(values) if first else max(known.most, len(values))
                known.kinds.add(_STORED[kind])
                if kind is Kind.BYTES and known.text:
                    known.text = all(map(_is_text, values))
    return seen


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
