"""Which class serves an artifact store's URL, and which package brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from zenml.errors import PluginError, StoreError, closest

if TYPE_CHECKING:
    from zenml.artifacts.store import ArtifactStore

SAME = {"gcs": "gs", "s3a": "s3"}
"""Schemes that are other names of one that a plugin serves."""


def scheme_of(path: str) -> str:
    """Return the scheme of a URL in lower case, or an empty string for a path."""
    scheme, separator, _ = path.partition("://")
    return scheme.lower() if separator else ""


def local_path(path: str) -> str:
    """Return the path that a path or `file:` URL stands for.

    Raises:
        StoreError: the URL names another machine.
    """
    if scheme_of(path) != "file":
        return path
    parts = urlsplit(path)
    if parts.netloc not in ("", "localhost"):
        raise StoreError(
            f"a file: URL names a folder of this machine, not of {parts.netloc}", path, "Write file:///folder"
        )
    return unquote(parts.path)


def store_class(path: str) -> type[ArtifactStore] | None:
    """Return the class that a plugin offers for a URL's scheme, or None where fsspec reaches it without one.

    A plugin offers it as a spec of kind `artifact-store` whose name is the scheme.

    Raises:
        StoreError: nothing that is installed serves the scheme, or the plugin that does cannot be used.
    """
    from zenml.artifacts.store import ArtifactStore
    from zenml.plugins.first_party import FIRST_PARTY
    from zenml.plugins.registry import find, load, registry

    scheme = SAME.get(scheme_of(path), scheme_of(path))
    if not registry().named(scheme, ArtifactStore.KINDS):
        package, kind = FIRST_PARTY.get(scheme, ("", ""))
        if kind in ArtifactStore.KINDS:
            raise StoreError(
                f"{scheme_of(path)}:// comes with {package}, which is not installed",
                path,
                f"Run: pip install {package}",
            )
        _check_fsspec(scheme, path)
        return None
    try:
        found = load(find(scheme, ArtifactStore.KINDS))
    except PluginError as error:
        raise StoreError(error.problems) from error
    if not (isinstance(found, type) and issubclass(found, ArtifactStore)):
        raise StoreError(f"the plugin that serves {scheme}:// offers {found!r}, which is not an ArtifactStore", path)
    return found


def _check_fsspec(scheme: str, path: str) -> None:
    """Find out whether fsspec reaches a scheme.

    Raises:
        StoreError: it does not, or a package for it is missing, or nothing would last there.
    """
    from fsspec.registry import get_filesystem_class, known_implementations

    if scheme == "memory":
        raise StoreError("what is kept in memory is gone when its process ends", path, "Use a folder or another URL")
    try:
        get_filesystem_class(scheme)
    except ValueError as error:
        raise StoreError(
            f"no installed plugin serves {scheme}:// as an artifact store, and fsspec does not know it",
            path,
            closest(scheme, known_implementations) or "Use a folder, or install a plugin that offers it",
        ) from error
    except ImportError as error:
        raise StoreError(f"{scheme}:// needs a package that is not installed", path, str(error)) from error
