"""Pieces: files as they travel through an artifact store, whatever their sizes: cut or put together, and sent once."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zenml.artifacts.store import ArtifactStore
from zenml.data.shards import atomic_file
from zenml.errors import StoreError

PIECE = 16 << 20
"""Bytes of a piece, at most; a large file is several, and one holds many small files."""

_THREADS = 8


@dataclass(frozen=True)
class Sent:
    """A file that was sent.

    Args:
        digest: SHA-256 of its bytes, in hexadecimal.
        size: in bytes.
        extents: where its bytes are, in order: the digest of a piece, the first byte in it, and how many.
    """

    digest: str
    size: int
    extents: tuple[tuple[str, int, int], ...]

    def to_json(self) -> list[Any]:
        """Return it in JSON types."""
        return [self.digest, self.size, [list(extent) for extent in self.extents]]

    @classmethod
    def from_json(cls, row: Sequence[Any]) -> Sent:
        """Return what `to_json` wrote."""
        digest, size, extents = row
        return cls(digest, size, tuple((piece, start, length) for piece, start, length in extents))


@dataclass
class Pieces:
    """The pieces in one folder of a store, each named by the SHA-256 of its bytes.

    Args:
        store: the store.
        folder: the folder's key.
    """

    store: ArtifactStore
    folder: str
    _there: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> None:
        """Find out which pieces are there, so that they are not sent again."""
        self._there.update(key.rpartition("/")[2] for key in self.store.list(self.folder))

    def send(self, files: Iterable[Path | bytes]) -> list[Sent]:
        """Send the content of files, or bytes; what is there already is left there."""
        with self._sending() as put:
            packing = _Packing(put)
            found = [packing.add(file) for file in files]
            packing.close()
        return [
            Sent(digest, size, tuple((packing.names[number], start, length) for number, start, length in extents))
            for digest, size, extents in found
        ]

    def fetch(self, files: Sequence[tuple[Sent, Path]]) -> None:
        """Write files that were sent; each appears whole.

        Raises:
            StoreError: what is there is not what was sent.
        """
        share = max(1, -(-len(files) // _THREADS))
        parts = [files[start : start + share] for start in range(0, len(files), share)]
        if len(parts) == 1:
            self._fetch(parts[0])
        elif parts:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(self._fetch, parts))

    def read(self, sent: Sent) -> bytes:
        """Return the bytes of a file that was sent."""
        return b"".join(self._read(piece)[start : start + length] for piece, start, length in sent.extents)

    def _fetch(self, files: Sequence[tuple[Sent, Path]]) -> None:
        held, data = "", b""
        for sent, path in files:
            with atomic_file(path) as out:
                for piece, start, length in sent.extents:
                    if piece != held:
                        held, data = piece, self._read(piece)
                    out.write(memoryview(data)[start : start + length])

    def _read(self, piece: str) -> bytes:
        data = self.store.read_bytes(f"{self.folder}/{piece}")
        if hashlib.sha256(data).hexdigest() != piece:
            raise StoreError("this was changed after it was sent", self.store.uri(f"{self.folder}/{piece}"))
        return data

    @contextmanager
    def _sending(self) -> Iterator[Callable[[bytes], str]]:
        """Give what sends a piece and returns its name; a few are sent at a time, and all have arrived at the end."""
        waiting: deque[Future[None]] = deque()
        with ThreadPoolExecutor(_THREADS) as pool:

            def put(data: bytes) -> str:
                name = hashlib.sha256(data).hexdigest()
                with self._lock:
                    known = name in self._there
                    self._there.add(name)
                if not known:
                    if len(waiting) == _THREADS:
                        waiting.popleft().result()
                    waiting.append(pool.submit(self.store.write_bytes, f"{self.folder}/{name}", data))
                return name

            try:
                yield put
                while waiting:
                    waiting.popleft().result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                self._there.clear()  # not known any more which have arrived
                raise


class _Packing:
    """Fills pieces one after the other.

    Args:
        put: sends a piece and returns its name.
    """

    def __init__(self, put: Callable[[bytes], str]) -> None:
        self.names: list[str] = []
        self._put = put
        self._held = bytearray()

    def add(self, file: Path | bytes) -> tuple[str, int, list[tuple[int, int, int]]]:
        """Add a file; return its digest and size, and its extents with the numbers of pieces for their names."""
        if (len(file) if isinstance(file, bytes) else file.stat().st_size) >= PIECE:
            self.close()  # so that its pieces are the same whatever came before
        digest, size, extents = hashlib.sha256(), 0, list[tuple[int, int, int]]()
        with io.BytesIO(file) if isinstance(file, bytes) else file.open("rb") as source:
            while block := source.read(PIECE - len(self._held)):
                extents.append((len(self.names), len(self._held), len(block)))
                digest.update(block)
                size += len(block)
                self._held += block
                if len(self._held) == PIECE:
                    self.close()
        return digest.hexdigest(), size, extents

    def close(self) -> None:
        """Send the piece that is being filled."""
        if self._held:
            self.names.append(self._put(bytes(self._held)))
            self._held.clear()
