"""ReadImages: the shard operation that keeps some images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa

from zenml.data.source_files import SourceFile
from zenml.data.tables.writing import BadShardError, WriteTable

BYTES = 1 << 24
"""Images are read until they have about so many bytes."""

_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*")


class ReadImages(WriteTable):
    """Write one shard from images; see `WriteTable`. What is wrong is told by image in `findings["images"]`."""

    READS: ClassVar[tuple[str, ...]] = ("files",)

    def read(self, shard: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Yield the images as rows."""
        rows: list[tuple[bytes, str, str]] = []
        bad: list[list[str]] = []
        size = 0
        for row in shard["files"]:
            file = SourceFile(**row["file"])
            data, what = _image(file)
            if what:
                bad.append([file.place, what])
            rows.append((data, row["name"].partition("/")[0], row["name"]))
            size += len(data)
            if size >= BYTES:
                yield _batch(rows)
                rows, size = [], 0
        if bad:
            raise BadShardError({"images": bad})
        if rows:
            yield _batch(rows)


def _image(file: SourceFile) -> tuple[bytes, str]:
    """Return the bytes of an image, and what is wrong with it, if anything."""
    try:
        data = file.read(0, file.size)
    except OSError as error:
        return b"", f"the image cannot be read: {error.strerror or error}"
    if not data:
        return data, "the file is empty"
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return data, "" if webp or data.startswith(_MAGIC) else "this is no image (JPEG, PNG, GIF, BMP, TIFF or WebP)"


def _batch(rows: list[tuple[bytes, str, str]]) -> pa.RecordBatch:
    images, labels, names = zip(*rows, strict=True)
    arrays = [pa.array(images, pa.binary()), pa.array(labels, pa.string()), pa.array(names, pa.string())]
    return pa.RecordBatch.from_arrays(arrays, names=["image", "label", "path"])
