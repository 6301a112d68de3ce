"""What an operating system's error means to whoever uses an artifact store, and what to do about it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from zenml.errors import StoreError

_ELSEWHERE = "or keep artifacts elsewhere: zenml config artifacts set PATH, or run(artifact_store=…)"
UNREACHABLE = "Check the network and the address, then run again"
"""What to do where an artifact store cannot be reached."""

_SPACE = f"Free some space and run again, {_ELSEWHERE}"
_RIGHTS = f"Make the folder writable for you, {_ELSEWHERE}"
_MENDS = {
    errno.EROFS: f"Mount it for writing, {_ELSEWHERE}",
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EIO: "Check the disk or the network that it is reached by, then run again",
    errno.ENOTDIR: "Move the file away that stands where a folder is needed",
    errno.EEXIST: "Run again",
    errno.ENAMETOOLONG: "Choose a shorter path for the artifact store",
}

_BY_TYPE = {
    FileNotFoundError: errno.ENOENT,
    FileExistsError: errno.EEXIST,
    PermissionError: errno.EACCES,
    NotADirectoryError: errno.ENOTDIR,
    IsADirectoryError: errno.EISDIR,
}
"""Numbers of errors that a library raised without one."""


@contextmanager
def explained(doing: str, where: str) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError that names what was done, the path, the reason and the mend.

    Args:
        doing: what the block does, as in "cannot {doing}".
        where: the path or URI to name when the error names none.
    """
    try:
        yield
    except OSError as error:
        number = error.errno or _BY_TYPE.get(type(error), 0)
        reason = os.strerror(number) if number else str(error) or type(error).__name__
        path = error.filename if isinstance(error.filename, str) else where
        raise StoreError(f"cannot {doing}: {reason}", path or where, _MENDS.get(number, "")) from error
