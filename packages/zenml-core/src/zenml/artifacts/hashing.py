"""Digests of files, several at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

_ITEM = TypeVar("_ITEM")
_RESULT = TypeVar("_RESULT")
_ALONE = 4
_THREADS = 8


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(paths: Sequence[Path]) -> list[str]:
    """Return the SHA-256 of each file; hashing and reading leave the interpreter free, so threads share the cores."""
    return in_threads(sha256, paths)


def in_threads(work: Callable[[_ITEM], _RESULT], items: Sequence[_ITEM]) -> list[_RESULT]:
    """Return the results of `work` in the order of the items; a handful is done without starting threads."""
    if len(items) <= _ALONE:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_THREADS, len(items), 2 * (os.cpu_count() or 1))) as pool:
        return list(pool.map(work, items))
