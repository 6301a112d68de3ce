"""Frames: where the records of a TFRecord file begin and end, and whether their checksums hold."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zenml.data.tfrecord._crc import Words, crc_of_lengths, crc_of_slices
from zenml.errors import DataError

HEADER = 12
FOOTER = 4

_MEND = "The file is damaged or not a TFRecord file; make it again"


@dataclass(frozen=True)
class Frames:
    """The records in the bytes of a file.

    Args:
        name: what to call the file in an error.
        data: its bytes.
        starts: where each record begins, behind its header.
        stops: where it ends, before its checksum.
    """

    name: str
    data: bytes
    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]

    def place(self, record: int) -> str:
        """Name a record in an error; they are counted from 1."""
        return _place(self.name, record)

    def check(self) -> None:
        """Compare the checksums of all records.

        Raises:
            DataError: the first record whose bytes do not match.
        """
        self.compare(crc_of_slices(self.data, self.starts, self.stops))

    def compare(self, crc: Words) -> None:
        """Compare the checksums in the file with those of the records."""
        stored = _words(self.data)[self.stops]
        if (stored != crc).any():
            record = int(np.flatnonzero(stored != crc)[0])
            raise DataError("the checksum of the record does not match its bytes", self.place(record), _MEND)


def frames_of(data: bytes, name: str) -> Frames:
    """Find the records of a file, and check the checksums of their lengths.

    Raises:
        DataError: a length whose checksum is wrong, or a record that goes beyond the end of the file.
    """
    starts, lengths, cut = _uniform(data) or _walk(data)
    wrong = _words(data)[starts - FOOTER] != crc_of_lengths(lengths)
    if wrong.any():
        place = _place(name, int(np.flatnonzero(wrong)[0]))
        raise DataError("the checksum of the record's length does not match", place, _MEND)
    if cut is not None:
        raise DataError("the file ends within the record", _place(name, cut), _MEND)
    return Frames(name, data, starts, starts + lengths.astype(np.int64))


def _uniform(data: bytes) -> Found | None:
    """Find records that are all of the length of the first."""
    if len(data) < HEADER + FOOTER:
        return None
    (length,) = struct.unpack_from("<Q", data)
    size = length + HEADER + FOOTER
    if len(data) % size:
        return None
    lengths = np.ndarray(len(data) // size, "<u8", data, 0, (size,))
    if (lengths != length).any():
        return None
    return np.arange(HEADER, len(data), size), np.ascontiguousarray(lengths, np.uint64), None


def _walk(data: bytes) -> Found:
    """Find records of any lengths, one after the other."""
    read = struct.Struct("<Q").unpack_from
    starts: list[int] = []
    position, end = 0, len(data)
    while position <= end - HEADER - FOOTER:
        starts.append(position)
        position += read(data, position)[0] + HEADER + FOOTER
    places = np.array(starts, np.int64)
    lengths = np.ndarray(max(0, len(data) - 7), "<u8", data, 0, (1,))[places].astype(np.uint64)
    cut = None if position == end else len(starts) - (position > end)
    return places + HEADER, lengths, cut


def _words(data: bytes) -> npt.NDArray[np.uint32]:
    """View the four bytes at each position as a number."""
    return np.ndarray(max(0, len(data) - 3), "<u4", data, 0, (1,))
