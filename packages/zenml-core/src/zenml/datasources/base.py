"""Datasource: the step that brings rows into a pipeline as an immutable snapshot."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from zenml.artifacts.types import Artifact, Examples
from zenml.data.identity import IdentityMemo
from zenml.steps.base import Inputs, Step

SPLIT = "all"


class Datasource(Step):
    """Base of all datasources: declare config as annotated fields, implement `identity` and `run`.

    `run` fills `context.outputs["examples"]` with one split called `all`, and leaves at least `splits` (row counts)
    and `source_identity` in its properties; it raises `DataError` with every problem before anything is published.

    Args:
        name: what the data is called.
        snapshot: content digest of a committed snapshot, which is then used instead of reading the source; set for
            runs that cannot read the source themselves.
    """

    outputs: ClassVar[Mapping[str, type[Artifact]]] = {"examples": Examples}

    LOCATING: ClassVar[tuple[str, ...]] = ()
    """Fields that only say where the data is (path, host, credentials); the source identity stands for them."""

    name: str = Field(min_length=1)
    snapshot: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")

    @abstractmethod
    def identity(self, memo: IdentityMemo | None = None) -> str:
        """Return the source identity: it changes exactly when the snapshot of the source would.

        Args:
            memo: remembers the digests of files between calls.

        Raises:
            DataError: the source cannot be read.
        """

    def local_paths(self) -> list[str]:
        """Name what only this machine can read, as its files; empty where the source can be read from anywhere."""
        return []

    def export_problems(self) -> list[str]:
        """Say why a pipeline file cannot hold this datasource so that another process can use it; empty if it can."""
        return []

    def resolve(self, root: Path) -> Self:
        """Return a copy in which paths relative to the repository's root are absolute."""
        return self

    def relative_to(self, root: Path) -> Self:
        """Return a copy as a spec holds it: paths that count from the working directory now count from the root."""
        return self

    def fingerprint_config(self) -> dict[str, Any]:
        """Return the config without the name and without what only locates the data."""
        left_out = {"name", "snapshot", *self.LOCATING}
        return {key: value for key, value in super().fingerprint_config().items() if key not in left_out}

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the one split that a datasource gives."""
        return (SPLIT,)
