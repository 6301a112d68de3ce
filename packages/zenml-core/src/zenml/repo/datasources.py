"""The datasources that a repository's pipelines have read, and the versions of their data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenml.errors import StoreError
from zenml.metadata.records import ArtifactRecord, State
from zenml.plugins.registry import catalogue, load_type

if TYPE_CHECKING:
    from zenml.artifacts.store import ArtifactStore
    from zenml.repo.repository import Repository


@dataclass(frozen=True)
class Version:
    """A version of data: its content digest, where it is, and the newest run that read it."""

    digest: str
    uri: str
    run: str

    def to_json(self, store: ArtifactStore) -> dict[str, Any]:
        """Return the version as JSON types; `rows` is None where the data is no longer there."""
        try:
            splits: Mapping[str, Any] = store.open(self.uri).properties["splits"]
            rows = sum(split["rows"] for split in splits.values())
        except (StoreError, KeyError):
            rows = None
        return {"digest": self.digest, "run": self.run, "rows": rows, "uri": self.uri}


@dataclass(frozen=True)
class KnownDatasource:
    """A datasource of a pipeline as it last ran; versions are the newest first."""

    name: str
    type: str
    pipeline: str
    config: Mapping[str, Any]
    versions: tuple[Version, ...]

    def to_json(self, store: ArtifactStore) -> dict[str, Any]:
        """Return the datasource as JSON types, with the row counts of its versions."""
        return {
            "name": self.name,
            "type": self.type,
            "pipeline": self.pipeline,
            "config": dict(self.config),
            "versions": [version.to_json(store) for version in self.versions],
        }


def datasources(repo: Repository) -> list[KnownDatasource]:
    """Return the datasources of all pipelines of a repository, in the order in which these first ran."""
    store = repo.metadata_store
    runs = {record.id: record.pipeline for record in store.list_runs()}
    known = {row.name for row in catalogue("datasource")}
    found = []
    for pipeline in store.list_pipelines():
        for step in repo.get_spec(pipeline).steps:
            if not _is_datasource(step.type, known):
                continue
            versions: dict[str, Version] = {}
            for run, record in store.list_steps(type=step.type):
                if (
                    runs.get(run) == pipeline
                    and record.id == step.id
                    and record.state in (State.COMPLETE, State.CACHED)
                ):
                    _add(versions, run, record.outputs)
            name = str(step.config.get("name", step.id))
            found.append(KnownDatasource(name, step.type, pipeline, step.config, tuple(versions.values())))
    return found


def _add(versions: dict[str, Version], run: str, outputs: tuple[ArtifactRecord, ...]) -> None:
    for row in outputs:
        versions.setdefault(row.digest, Version(row.digest, row.uri, run))


def _is_datasource(kind: str, known: set[str]) -> bool:
    """Say whether a step's type is a datasource; a user's own is loaded to see, and one that is gone is none."""
    from zenml.datasources.base import Datasource
    from zenml.errors import ZenMLError

    if kind in known:
        return True
    if ":" not in kind or "@" in kind:
        return False
    try:
        loaded = load_type(kind, ("step", "datasource"))
    except ZenMLError:
        return False
    return isinstance(loaded, type) and issubclass(loaded, Datasource)
