"""The datasources that a repository's pipelines have read, and the versions of their data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenml.datasources.base import Datasource
from zenml.datasources.version import DataVersion
from zenml.datasources.versions import DataVersions
from zenml.errors import ConfigError, closest
from zenml.repo.readings import Reading, readings

if TYPE_CHECKING:
    from zenml.artifacts.store import ArtifactStore
    from zenml.repo.repository import Repository


@dataclass(frozen=True)
class KnownDatasource:
    """What pipelines have read under one name.

    Args:
        name: what the data are called.
        type: the type of the datasource that read them last.
        config: its config.
        pipelines: the pipelines that read them, the newest reader first.
        versions: the versions of the data, newest first.
    """

    name: str
    type: str
    config: Mapping[str, Any]
    pipelines: tuple[str, ...]
    versions: DataVersions

    def to_json(self) -> dict[str, Any]:
        """Return the datasource as JSON types, with the row counts of its versions."""
        return {
            "name": self.name,
            "type": self.type,
            "pipelines": list(self.pipelines),
            "config": dict(self.config),
            "versions": self.versions.to_json(),
        }


def datasources(repo: Repository) -> list[KnownDatasource]:
    """Return what the pipelines of a repository have read, in the order in which it was first read."""
    by_name: dict[str, list[Reading]] = {}
    for reading in readings(repo.metadata_store):
        by_name.setdefault(reading.name, []).append(reading)
    store = repo.artifact_store
    found = [_known(rows, store) for rows in by_name.values()]
    return sorted(found, key=lambda known: by_name[known.name][-1].run)


def find_datasource(repo: Repository, name: str) -> KnownDatasource:
    """Return what pipelines have read under a name.

    Raises:
        ConfigError: nothing was; the closest name is told.
    """
    known = {row.name: row for row in datasources(repo)}
    if name not in known:
        mend = closest(name, known) or "See: zenml datasource list"
        raise ConfigError(f"no pipeline has read a datasource {name!r}", mend=mend)
    return known[name]


def load_datasource(repo: Repository, name: str) -> Datasource:
    """Return a datasource as a pipeline read it last.

    Raises:
        ConfigError: no pipeline that ran here has it, or its config no longer fits.
    """
    from zenml.pipelines.pipeline import Pipeline

    for pipeline in find_datasource(repo, name).pipelines:
        spec = repo.get_spec(pipeline)
        blocks = [block for block in spec.steps if not block.inputs and block.config.get("name") == name]
        alone = spec.model_copy(update={"steps": blocks})  # the classes of other steps may be gone
        for step in Pipeline.from_spec(alone, repo.root).steps.values():
            if isinstance(step, Datasource) and step.name == name:
                return step
    raise ConfigError(f"no pipeline reads a datasource {name!r} any more", mend="See: zenml datasource list")


def versions_of(repo: Repository, name: str) -> DataVersions:
    """Return the versions of what pipelines have read under a name, newest first."""
    return _versions(name, [row for row in readings(repo.metadata_store) if row.name == name], repo.artifact_store)


def _known(rows: list[Reading], store: ArtifactStore) -> KnownDatasource:
    newest = rows[0]
    pipelines = tuple(dict.fromkeys(row.pipeline for row in rows))
    return KnownDatasource(
        newest.name, newest.step.type, newest.step.config, pipelines, _versions(newest.name, rows, store)
    )


def _versions(name: str, rows: list[Reading], store: ArtifactStore) -> DataVersions:
    """Return the versions that readings, newest first, gave: each as it was read last, since when it was read first."""
    newest: dict[str, Reading] = {}
    first: dict[str, float | None] = {}
    for row in rows:
        newest.setdefault(row.output.digest, row)
        first[row.output.digest] = row.finished
    return DataVersions(
        name,
        [
            DataVersion(name, digest, row.output.uri, row.step.type, row.run, first[digest], store)
            for digest, row in newest.items()
        ],
    )
