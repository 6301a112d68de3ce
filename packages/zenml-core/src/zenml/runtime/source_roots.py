"""Source roots: the folders in which a pipeline's own classes are found."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path


def use_source_roots(root: Path, folders: Iterable[str]) -> None:
    """Put the existing source roots of a repository at the front of the import path, first one first."""
    wanted = [str(root / folder) if folder != "." else str(root) for folder in folders if (root / folder).is_dir()]
    known = {str(Path(entry or ".").resolve()) for entry in sys.path}
    sys.path[:0] = [entry for entry in wanted if entry not in known]
