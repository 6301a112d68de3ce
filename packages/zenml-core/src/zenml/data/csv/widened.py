"""Widened text: bytes of any kind as UTF-8, a character for each byte, for code that takes nothing else."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa

_LEAD = 0xC0


class WidenedReader(io.RawIOBase):
    """A stream in which each byte of another one stands as the character of its number, in UTF-8.

    Args:
        source: the other one.
    """

    def __init__(self, source: io.RawIOBase) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        """Say yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, at least two."""
        data = self._source.read(size // 2 if size > 0 else size) or b""
        return data if data.isascii() else data.decode("latin-1").encode()


def widen(text: str) -> str:
    """Return a text as it is found in a widened stream."""
    return text.encode().decode("latin-1")


def narrow(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch of binary columns with the bytes that they had before they were widened."""
    return pa.RecordBatch.from_arrays([_narrow(column) for column in batch.columns], names=batch.schema.names)


def _narrow(array: pa.BinaryArray) -> pa.BinaryArray:
    validity, offset_buffer, data_buffer = array.buffers()
    if data_buffer is None:
        return array
    offsets = np.frombuffer(offset_buffer, np.int32, array.offset + len(array) + 1)
    data = np.frombuffer(data_buffer, np.uint8, offsets[-1])
    leads = data >= _LEAD
    if not leads.any():
        return array
    gone = np.concatenate([[0], np.cumsum(leads)])
    places = np.flatnonzero(leads)
    found = data.copy()
    found[places + 1] = ((data[places] & 0x03) << 6) | (data[places + 1] & 0x3F)
    buffers = [validity, pa.py_buffer((offsets - gone[offsets]).astype(np.int32)), pa.py_buffer(found[~leads])]
    return pa.Array.from_buffers(pa.binary(), len(array), buffers, offset=array.offset)
