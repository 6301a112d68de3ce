"""Which class serves an artifact store's URL, and which package brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from zenml.errors import PluginError, StoreError

if TYPE_CHECKING:
    from zenml.artifacts.store import ArtifactStore

PACKAGES = {
    "gs": "zenml-gcp",
    "gcs": "zenml-gcp",
    "s3": "zenml-aws",
    "s3a": "zenml-aws",
    "az": "zenml-azure",
    "abfs": "zenml-azure",
    "abfss": "zenml-azure",
}
"""Distribution by URL scheme, for the message where none is installed that serves it."""


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


def store_class(path: str) -> type[ArtifactStore]:
    """Return the class that a plugin offers for a URL's scheme.

    A plugin offers it as a spec of kind `artifact-store` whose name is the scheme.

    Raises:
        StoreError: no plugin serves the scheme, or the one that does cannot be used.
    """
    from zenml.artifacts.store import ArtifactStore
    from zenml.plugins.registry import find, load, registry

    scheme = scheme_of(path)
    if not registry().named(scheme, ArtifactStore.KINDS):
        package = PACKAGES.get(scheme)
        if package is None:
            raise StoreError(
                f"no installed plugin serves {scheme}:// as an artifact store",
                path,
                "Use a folder, or install a plugin that offers it (zenml plugin list shows what is installed)",
            )
        raise StoreError(
            f"{scheme}:// comes with {package}, which is not installed", path, f"Run: pip install {package}"
        )
    try:
        found = load(find(scheme, ArtifactStore.KINDS))
    except PluginError as error:
        raise StoreError(error.problems) from error
    if not (isinstance(found, type) and issubclass(found, ArtifactStore)):
        raise StoreError(f"the plugin that serves {scheme}:// offers {found!r}, which is not an ArtifactStore", path)
    return found
