"""OnePath: a component that is named by its path alone."""

from __future__ import annotations

import os
from typing import Any


class OnePath:
    """Lets the path of a component be given without its name, as in `ArtifactStore("folder")`.

    It stands before `Component` among the bases, so that the component itself needs no `__init__`.
    """

    def __init__(self, *path: str | os.PathLike[str], **config: Any) -> None:
        if len(path) > 1 or (path and "path" in config):
            raise TypeError(f"{type(self).__name__} takes one path")
        if path:
            config["path"] = os.fspath(path[0])
        super().__init__(**config)
