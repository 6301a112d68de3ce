"""The repository that a command works on."""

from __future__ import annotations

from zenml.config.repository import find_root
from zenml.errors import ConfigError
from zenml.repo.repository import Repository


def here() -> Repository:
    """Return the repository around the working directory.

    Raises:
        ConfigError: there is none; listing things must not make one.
    """
    root = find_root()
    if root is None:
        raise ConfigError("this folder is in no repository", mend="Make it one: zenml init")
    return Repository.init(root)
