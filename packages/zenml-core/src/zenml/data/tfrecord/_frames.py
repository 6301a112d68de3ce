"""Frames: where the records of a TFRecord file begin and end, with their checksums compared.

A frame is the record's length (8 bytes), the masked CRC32C of these, the record, and its masked CRC32C
(tensorflow/core/lib/io/record_writer.h).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from zenml.data.tfrecord._crc import Words, crc32c, crc_of_lengths, masked
from zenml.errors import DataError

HEADER = 12
FOOTER = 4

_BETWEEN = FOOTER + HEADER
"""Bytes between one record and the next."""

_MEND = "The file is damaged or not a TFRecord file; make it again"


_CHUNK = 1 << 22
_LARGEST = 1 << 30

Places = npt.NDArray[np.int64]

Read = Callable[[int, int], bytes]
"""Gives so many bytes from a position on, fewer only at the end of the file."""


@dataclass(frozen=True)
class Frames:
    """Some consecutive records of a file.

    Args:
        name: what to call the file in an error.
        first: the number of the first of them in the file.
        data: their bytes, and some more.
        starts: where in `data` each record begins, behind its header.
        stops: where it ends, before its checksum.
    """

    name: str
    first: int
    data: bytes
    starts: Places
    stops: Places

    def place(self, row: int) -> str:
        """Name one of these records in an error."""
        return place_of(self.name, self.first + row)


def place_of(name: str, record: int) -> str:
    """Name a record in an error; they are counted from 1 there."""
    return f"{name}, record {record + 1}"


def compare_checksums(found: Words, stored: Words, name: str, first: int, what: str = "record") -> None:
    """Compare the masked checksums of records with those in the file.

    Raises:
        DataError: for the first record whose checksum does not match.
    """
    if (found != stored).any():
        place = place_of(name, first + int(np.flatnonzero(found != stored)[0]))
        raise DataError(f"the checksum of the {what} does not match its bytes", place, _MEND)


def frames_of(read: Read, size: int, name: str, padding: int) -> Iterator[Frames]:
    """Find the records of a file and compare their checksums, some megabytes at a time.

    Args:
        read: gives the bytes.
        size: how many there are.
        name: what to call the file in an error.
        padding: how many bytes follow the last record that is given, but at the end of the file.

    Raises:
        DataError: a checksum that is wrong, a record that goes beyond the end of the file, or one larger than 1 GiB.
    """
    position, record, want = 0, 0, _CHUNK
    while position < size:
        data = read(position, want)
        at_end = position + len(data) >= size
        starts, stops, checksums = _walk(data, len(data) if at_end else len(data) - padding)
        if len(starts):
            frames = Frames(name, record, data, starts, stops)
            _check(frames, checksums)
            yield frames
            position += int(stops[-1]) + FOOTER
            record += len(starts)
            want = _CHUNK
        if position < size and (at_end or not len(starts)):
            want = _size_of_next(read(position, HEADER), size - position, place_of(name, record)) + padding


def _walk(data: bytes, end: int) -> tuple[Places, Places, Words]:
    """Return starts, stops and checksums of the records that lie before `end`; no length is trusted yet."""
    length = struct.Struct("<Q").unpack_from
    borders = [HEADER]
    add = borders.append
    start, last = HEADER, end - FOOTER
    while start <= last:
        start += length(data, start - HEADER)[0] + _BETWEEN
        add(start)
    if len(borders) > 1 and start - _BETWEEN > last:
        # The last header announces more than is there.
        borders.pop()
    checksums = [crc32c(data[start : stop - _BETWEEN]) for start, stop in pairwise(borders)]
    places = np.array(borders)
    return places[:-1], places[1:] - _BETWEEN, masked(np.array(checksums, np.uint32))


def _check(frames: Frames, checksums: Words) -> None:
    starts, stops = frames.starts, frames.stops
    stored = np.ndarray(len(frames.data) - 3, "<u4", frames.data, 0, (1,))
    lengths = crc_of_lengths((stops - starts).astype(np.uint64))
    compare_checksums(lengths, stored[starts - FOOTER], frames.name, frames.first, "record's length")
    compare_checksums(checksums, stored[stops], frames.name, frames.first)


def _size_of_next(header: bytes, left: int, place: str) -> int:
    """Return the size of a frame by its header, of which `left` bytes are there."""
    if left >= HEADER:
        length = np.frombuffer(header, "<u8", 1)
        if (crc_of_lengths(length) != np.frombuffer(header, "<u4", 1, 8)).any():
            raise DataError("the checksum of the record's length does not match its bytes", place, _MEND)
        size = int(length[0]) + HEADER + FOOTER
        if size <= left and size > _LARGEST:
            raise DataError("the record is larger than 1 GiB", place, "Write smaller records")
        if size <= left:
            return size
    raise DataError("the file ends within the record", place, _MEND)
