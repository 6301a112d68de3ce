"""Unpacking: compressed files, and text in other encodings, as plain files of UTF-8 that can be cut into ranges."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, cast

from zenml.data.shards import RunJob, ShardJob, ShardOp, State, atomic_file
from zenml.data.source_files import SourceFile, local_file
from zenml.data.tables.problems import changed_files
from zenml.errors import DataError, Problem

_PIECE = 1 << 20
UTF8 = "utf-8"

SUFFIXES = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".xz": "xz"}
"""Compressions by the suffix of a file's name."""


def compression_of(file: SourceFile, given: str) -> str:
    """Return how a file is compressed: as given, or by its suffix where `infer` is given; `none` if it is not."""
    if given != "infer":
        return given
    return next((name for suffix, name in SUFFIXES.items() if file.name.lower().endswith(suffix)), "none")


def plain_files(
    files: Sequence[SourceFile], compression: str, encoding: str, scratch: Path, run_job: RunJob
) -> list[SourceFile]:
    """Return files of plain UTF-8 with the content of the given ones, which are unpacked where they must be.

    Args:
        files: the files.
        compression: `infer`, `none`, `gzip`, `bz2`, `zstd` or `xz`.
        encoding: name of their encoding.
        scratch: takes what is unpacked.
        run_job: runs a job on the step's engine.

    Raises:
        DataError: damaged or cut off files, bytes that are not in the encoding; of all files.
    """
    encoding = codecs.lookup(encoding).name
    shards: list[dict[str, Any]] = [
        {"file": asdict(file), "compression": kind, "name": f"unpacked-{number:05d}"}
        for number, file in enumerate(files)
        for kind in [compression_of(file, compression)]
        if kind != "none" or encoding != UTF8
    ]
    if not shards:
        return list(files)
    job = ShardJob(
        "zenml.data.unpacking:Unpack",
        tuple(shards),
        str(scratch),
        {"encoding": encoding},
        "unpack",
        sum(shard["file"]["size"] for shard in shards),
    )
    states = run_job(job)
    problems = changed_files(files)
    found = {file.url: file for file in files}
    for shard, state in zip(shards, states, strict=True):
        url = shard["file"]["url"]
        if state["failed"]:
            problems.append(Problem(state["failed"], url, state["mend"]))
        else:
            found[url] = local_file(str(scratch / shard["name"]), label=found[url].place)
    if problems:
        raise DataError(problems)
    return list(found.values())


class Unpack(ShardOp):
    """Write the plain form of a file; params: `encoding`. The state says whether that failed."""

    def work(self, shard: Mapping[str, Any]) -> State:
        """Unpack one file."""
        file, kind = SourceFile(**shard["file"]), shard["compression"]
        try:
            with _open(file, kind) as source, atomic_file(self.out / shard["name"]) as out:
                for piece in _recoded(_pieces(source), self.params["encoding"]):
                    out.write(piece)
        except UnicodeDecodeError as error:
            what = f"byte {error.start} of its text is not in the encoding {self.params['encoding']}"
            return {"failed": what, "mend": "Name its encoding, as in encoding='latin-1'"}
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            if isinstance(error, FileNotFoundError):
                return {"failed": "the file went away while it was read", "mend": ""}
            if kind == "none":
                raise
            cut = isinstance(error, EOFError) or "runcated" in str(error)
            what = f"the {kind} data is cut off" if cut else f"this is no {kind} data that can be read: {error}"
            return {"failed": what, "mend": "Make or download the file again"}
        return {"failed": "", "mend": ""}


@contextmanager
def _open(file: SourceFile, kind: str) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        raw = stack.enter_context(file.open())
        if kind == "none":
            yield raw
        elif kind == "zstd":
            import pyarrow as pa

            yield stack.enter_context(pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd"))
        else:
            openers: dict[str, Callable[..., Any]] = {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}
            yield cast("BinaryIO", stack.enter_context(openers[kind](raw, "rb")))


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece


def _recoded(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Turn pieces of text into UTF-8.

    Raises:
        UnicodeDecodeError: a byte is not in the encoding; `start` counts from the start of the text, from 1.
    """
    if encoding == UTF8:
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    before = 0
    try:
        for piece in pieces:
            held = len(decoder.getstate()[0])
            before -= held
            yield decoder.decode(piece).encode()
            before += held + len(piece)
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        place = max(0, before) + error.start + 1
        raise UnicodeDecodeError(error.encoding, error.object, place, place, error.reason) from None
