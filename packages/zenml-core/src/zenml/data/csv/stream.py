"""Streams a range of a CSV file through Arrow's reader."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv

from zenml.data.csv.cut import Range
from zenml.data.csv.form import FALSE_WORDS, TRUE_WORDS, CSVForm
from zenml.data.csv.widened import WidenedReader, narrow, widen
from zenml.data.source_files import RangeReader, SourceFile

OnRagged = Callable[[Any], str]

BLOCK = 1 << 20
_GROWTH = 8


class RowTooLongError(Exception):
    """A row does not fit into a block."""


class ShrunkError(Exception):
    """The file ended before the range did, so it has changed."""


def stream(
    file: SourceFile,
    part: Range,
    types: Mapping[str, pa.DataType],
    form: CSVForm,
    *,
    block: int = BLOCK,
    on_ragged: OnRagged | None = None,
    watch: Callable[[bytes], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a range as Arrow reads them, in blocks of `block` bytes; blank lines are no rows.

    Args:
        file: the file.
        part: the range.
        types: the columns in order, with the types in which to read them.
        form: how to understand the text.
        block: size of a block; no row may be longer.
        on_ragged: called in order with each row of a wrong number of cells, which numbers rows from 1; its text has a
            character for each byte of the row. With it, all types must be binary.
        watch: called with the bytes of each block before they are parsed.

    Raises:
        pa.ArrowInvalid: a cell does not fit its type, or there is a ragged row and no `on_ragged`.
        RowTooLongError: a row is longer than a block.
        ShrunkError: the file is shorter than the range.
    """
    if part.start >= part.end:
        return
    with RangeReader(file, part.start, part.end, watch) as source:
        text = source if part.end < file.size else _EndedReader(source, form.delimiter)
        try:
            reader = arrow_csv.open_csv(
                pa.PythonFile(text if on_ragged is None else WidenedReader(text), "r"),
                read_options=arrow_csv.ReadOptions(
                    column_names=list(types),
                    block_size=block if on_ragged is None else 2 * block,
                    use_threads=on_ragged is None,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=form.delimiter,
                    quote_char=form.quote or False,
                    double_quote=form.doubled,
                    escape_char=form.escape or False,
                    newlines_in_values=part.quoted and form.multiline,
                    invalid_row_handler=on_ragged,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict(types),
                    null_values=[each if on_ragged is None else widen(each) for each in form.null_values],
                    true_values=list(TRUE_WORDS),
                    false_values=list(FALSE_WORDS),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
            if on_ragged is None:
                yield from reader
            else:
                yield from map(narrow, reader)
        except pa.ArrowInvalid as error:
            if "straddl" in str(error):
                raise RowTooLongError from None
            if "Empty CSV file" not in str(error):
                raise
        if source.left:
            raise ShrunkError


class _EndedReader(io.RawIOBase):
    """A stream with a line end after a last cell that is empty, which Arrow would take for quoted if another one is.

    Args:
        source: the stream.
        delimiter: between cells.
    """

    def __init__(self, source: io.RawIOBase, delimiter: str) -> None:
        super().__init__()
        self._source = source
        self._delimiter = delimiter.encode()
        self._last = b""

    def readable(self) -> bool:
        """Say yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        data = self._source.read(size)
        if not data:
            data = b"\n" if self._last == self._delimiter else b""
        self._last = data[-1:]
        return data


def blocks(part: Range) -> Iterator[int]:
    """Yield the block sizes to try, until one holds the longest row of the range."""
    size = BLOCK
    while size <= part.end - part.start:
        yield size
        size *= _GROWTH
    yield part.end - part.start + 1
