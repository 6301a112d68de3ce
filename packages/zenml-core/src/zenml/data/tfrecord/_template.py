"""Template: records laid out all alike, so that they differ only in the bytes of their values and checksums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zenml.data.tfrecord._crc import Words, crc_of_lengths, crc_of_rows, masked
from zenml.data.tfrecord._frames import FOOTER, HEADER
from zenml.data.tfrecord._wire import MESSAGE, Column, Kind, entry_head, varint

Cells = npt.NDArray[np.uint8]
"""The bytes of a column's values (rows by bytes)."""

ROWS = 1 << 12
"""Rows worked on together: what they take stays in the processor's cache."""

_MOST_COLUMNS = 48
"""Above so many columns the tables for the checksums no longer pay."""

_MOST_BYTES = 10


@dataclass(frozen=True)
class Template:
    """A framed record in which every feature is there with a value of zero bytes; its checksum is zero, too.

    Args:
        frame: the bytes.
        places: where in them each value stands.
        sizes: how many bytes each value takes.
    """

    frame: bytes
    places: tuple[int, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, columns: Sequence[Column], sizes: Sequence[int]) -> Template:
        """Make the template of columns whose values take so many bytes."""
        body, ends = b"", []
        for column, size in zip(columns, sizes, strict=True):
            body += entry_head(column.key, column.kind, size) + bytes(size)
            ends.append(len(body))
        head = MESSAGE + varint(len(body))
        length = np.array([len(head) + len(body)], "<u8")
        header = length.tobytes() + crc_of_lengths(length).astype("<u4").tobytes()
        places = (HEADER + len(head) + end - size for end, size in zip(ends, sizes, strict=True))
        return cls(b"".join((header, head, body, bytes(FOOTER))), tuple(places), tuple(sizes))

    @classmethod
    def like(cls, columns: Sequence[Column], start: bytes) -> Template | None:
        """Make the template of a file by its first record, or None where there is none.

        Args:
            columns: the columns, of which no other feature may be there.
            start: the first bytes of the file.
        """
        if not fits(columns):
            return None
        # The length of the features, which stands before the first of them, takes one byte up to so many.
        place = HEADER + len(MESSAGE) + 1
        while place < len(start) and start[place - 1] > 0x7F:
            place += 1
        sizes = []
        for column in columns:
            candidates = (4,) if column.kind is Kind.FLOAT else range(1, _MOST_BYTES + 1)
            heads = ((size, entry_head(column.key, column.kind, size)) for size in candidates)
            size, head = next(((size, head) for size, head in heads if start.startswith(head, place)), (0, b""))
            if not size:
                return None
            sizes.append(size)
            place += len(head) + size
        return cls.of(columns, sizes)

    def checksums(self, cells: Sequence[Cells]) -> Words:
        """Return the masked checksums of records by the bytes of their values, one array per column."""
        record = self.frame[HEADER:-FOOTER]
        return masked(
            crc_of_rows(record, [(place - HEADER, each) for place, each in zip(self.places, cells, strict=True)])
        )

    def fill(self, cells: Sequence[Cells]) -> memoryview:
        """Return framed records with these values, one array per column."""
        rows = len(cells[0])
        out = np.empty((rows, len(self.frame)), np.uint8)
        template = np.tile(np.frombuffer(self.frame, np.uint8), (min(rows, ROWS), 1))
        for start in range(0, rows, ROWS):
            block = template[: min(rows - start, ROWS)]
            part = [each[start : start + len(block)] for each in cells]
            for place, each in zip(self.places, part, strict=True):
                block[:, place : place + each.shape[1]] = each
            block[:, -FOOTER:] = self.checksums(part).astype("<u4", copy=False).view(np.uint8).reshape(-1, FOOTER)
            out[start : start + len(block)] = block
        return out.reshape(-1).data

    def cells(self, data: bytes) -> list[Cells] | None:
        """Return the values of framed records, one array per column, or None where one is laid out differently."""
        block = np.frombuffer(data, np.uint8).reshape(-1, len(self.frame))
        same = np.full(len(self.frame), 0xFF, np.uint8)
        same[-FOOTER:] = 0
        spans = [slice(place, place + size) for place, size in zip(self.places, self.sizes, strict=True)]
        for span in spans:
            same[span] = 0
        if ((block & same) != np.frombuffer(self.frame, np.uint8)).any():
            return None
        return [np.ascontiguousarray(block[:, span]) for span in spans]

    def stored_checksums(self, data: bytes) -> Words:
        """Return the checksums of framed records as they stand there."""
        block = np.frombuffer(data, np.uint8).reshape(-1, len(self.frame))
        stored: Words = np.ascontiguousarray(block[:, -FOOTER:]).view("<u4").reshape(-1).astype(np.uint32, copy=False)
        return stored


def fits(columns: Sequence[Column]) -> bool:
    """Say whether the values of these columns can be of fixed sizes at all."""
    simple = all(column.kind is not Kind.BYTES and not column.repeated for column in columns)
    return simple and 0 < len(columns) <= _MOST_COLUMNS
