"""Repository: the one place to ask what is installed and what ran."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from zenml.config.repository import current_root, make_root
from zenml.errors import ConfigError, closest
from zenml.repo.catalogue import Catalogue

if TYPE_CHECKING:
    from zenml.artifacts.store import ArtifactStore
    from zenml.datasources.base import Datasource
    from zenml.metadata.records import RunRecord
    from zenml.metadata.store import MetadataStore
    from zenml.pipelines.pipeline import Pipeline
    from zenml.repo.cache import Cache
    from zenml.repo.datasources import KnownDatasource
    from zenml.repo.garbage import Garbage
    from zenml.repo.history import PastPipeline, PastStep
    from zenml.repo.lineage import Lineage
    from zenml.repo.listing import Listing
    from zenml.reports.comparison import Comparison
    from zenml.runtime.run import Run
    from zenml.spec.model import PipelineSpec

_OTHER_TYPE = re.compile(r"^type: (?!TrainingPipeline)", re.MULTILINE)
_TRAINER = re.compile(r"^  type: \S*Trainer$", re.MULTILINE)

BACKEND_KINDS = ("orchestrator", "processing", "training", "deployer")


class Repository:
    """A folder with `.zenml/`, its stores and its runs.

    Args:
        root: the repository root.
    """

    _instances: ClassVar[dict[Path, Repository]] = {}

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def get_instance(cls) -> Repository:
        """Return the repository around the working directory or the running script; it is made where there is none."""
        root = current_root()
        return cls._instances.setdefault(root, cls(root))

    @classmethod
    def init(cls, folder: str | Path = ".") -> Repository:
        """Make a folder a repository, if it is none yet."""
        root = make_root(Path(folder))
        return cls._instances.setdefault(root, cls(root))

    @staticmethod
    def get_backends(kind: str | None = None) -> Catalogue:
        """Return every backend that an installed distribution offers; nothing is imported for it.

        Args:
            kind: `orchestrator`, `processing`, `training` or `deployer`; all of them by default.

        Raises:
            ConfigError: there is no such kind.
        """
        if kind is not None and kind not in BACKEND_KINDS:
            known = ", ".join(BACKEND_KINDS)
            raise ConfigError(f"there is no kind of backend {kind!r}", mend=closest(kind, BACKEND_KINDS) or known)
        return Catalogue.of_backends(kind)

    @property
    def metadata_store(self) -> MetadataStore:
        """The metadata store that runs use by default."""
        from zenml.config.settings import metadata_store

        return metadata_store(self.root)

    @property
    def artifact_store(self) -> ArtifactStore:
        """The artifact store that runs use by default."""
        from zenml.config.settings import artifact_store

        return artifact_store(self.root)

    def garbage(
        self,
        *,
        older_than: float | str = "1d",
        pipeline: str | None = None,
        unknown_runs: bool = False,
        logs_older_than: float | str | None = None,
    ) -> Garbage:
        """Return what can list, and remove, the files of this repository that no run refers to.

        Args:
            older_than: spare what could still have been needed so short ago: seconds, or a text such as `36h`.
            pipeline: only what runs of this pipeline left.
            unknown_runs: also what is left of runs that the metadata store does not know.
            logs_older_than: also the logs of runs that ended longer ago; they are kept by default.

        Raises:
            ConfigError: the duration is none, or no pipeline of that name ever ran.
        """
        from zenml.repo.garbage import Garbage
        from zenml.runtime.console import Console

        grace = _seconds(older_than)
        if pipeline is not None:
            self.get_spec(pipeline)
        logs = None if logs_older_than is None else _seconds(logs_older_than, "logs_older_than")
        return Garbage(
            self.metadata_store,
            self.artifact_store,
            self.root,
            grace,
            pipeline,
            unknown_runs,
            logs,
            Console(quiet=True),
        )

    def cache(
        self,
        *,
        pipeline: str | None = None,
        step: str | None = None,
        type: type | str | None = None,  # noqa: A002 - a type
        older_than: float | str | None = None,
    ) -> Cache:
        """Return what can list, and forget, the results of steps that runs would be served.

        Args:
            pipeline: only what runs of this pipeline made, or were served.
            step: only steps of this id or type.
            type: only steps of this type: a step class, its name, or `module:Class`.
            older_than: only what was made longer ago: seconds, or a text such as `30d`.

        Raises:
            ConfigError: the duration is none, or no pipeline of that name ever ran.
        """
        from zenml.plugins.registry import type_name
        from zenml.repo.cache import Cache

        age = None if older_than is None else _seconds(older_than)
        if pipeline is not None:
            self.get_spec(pipeline)
        name = type if type is None or isinstance(type, str) else type_name(type)
        return Cache(self.metadata_store, self.artifact_store, pipeline, step, name, age)

    def get_runs(self, pipeline: str | None = None, limit: int | None = None) -> list[Run]:
        """Return runs in the default metadata store, newest first."""
        from zenml.config.run_stores import RunStores
        from zenml.runtime.run import Run

        metadata, stores = self.metadata_store, RunStores(self.root)
        found = metadata.list_runs(pipeline=pipeline, limit=limit)
        return [Run(record.id, metadata, stores.of(record)) for record in found]

    def list_records(self, *, pipeline: str | None = None, limit: int | None = None) -> list[RunRecord]:
        """Return runs without their steps, newest first, those included that were submitted and have not begun."""
        from zenml.repo.submitted_runs import with_submitted

        return with_submitted(self.root, self.metadata_store, pipeline, limit)

    def get_run(self, run_id: str) -> Run:
        """Return one run, by its id or an unambiguous beginning of it.

        Raises:
            ConfigError: no run, or several, have an id like that.
        """
        from zenml.config.run_stores import RunStores
        from zenml.repo.submitted_runs import find_submitted
        from zenml.runtime.run import Run

        metadata = self.metadata_store
        submitted = find_submitted(self.root, run_id)
        if len(submitted) == 1:  # its metadata store may be out of reach from here
            return Run(submitted[0].run_id, metadata, submitted[0].store)
        exact = metadata.get_run(run_id)
        found = [exact] if exact else [run for run in metadata.list_runs() if run.id.startswith(run_id)]
        if len(found) == 1:
            return Run(found[0].id, metadata, RunStores(self.root).of(found[0]))
        several = ", ".join(run.id for run in found[:5])
        what = f"several runs begin with {run_id!r}: {several}" if found else f"there is no run {run_id!r}"
        raise ConfigError(what, mend="See: zenml run list")

    def compare_training_runs(
        self, runs: Sequence[str] = (), *, pipeline: str | None = None, limit: int = 200
    ) -> Comparison:
        """Return runs side by side: their metrics, and what they were given that differs.

        Args:
            runs: ids of runs, or beginnings of them; by default the runs of all training pipelines.
            pipeline: all runs of this pipeline instead.
            limit: at most so many, the newest.

        Returns:
            The comparison, newest run first. It prints as a table; `.page().write(path)` makes an HTML page of it.

        Raises:
            ConfigError: there is no such run, or no pipeline of that name ever ran.
        """
        from zenml.reports.comparison import Comparison

        metadata = self.metadata_store
        if runs:
            ids = sorted({self.get_run(run).id for run in runs}, reverse=True)
            return Comparison(self.get_run(run).record for run in ids)
        if pipeline is not None:
            self.get_spec(pipeline)
        found = (metadata.get_run(row.id) for row in metadata.list_runs(pipeline=pipeline))
        wanted = (run for run in found if run and (pipeline is not None or _trains(run.spec)))
        return Comparison(islice(wanted, limit))

    def get_pipelines(self) -> Listing[PastPipeline]:
        """Return all pipelines that ever ran, in order of their first run; `.load()` makes one a pipeline again."""
        from zenml.repo.history import PastPipeline, past_pipelines
        from zenml.repo.listing import Listing

        return Listing(past_pipelines(self), PastPipeline.to_json, empty="No pipeline has run here yet")

    def get_datasources(self) -> Listing[KnownDatasource]:
        """Return what pipelines have read, in the order in which it was first read."""
        from zenml.repo.datasources import datasources
        from zenml.repo.listing import Listing

        return Listing(
            datasources(self),
            lambda row: {"name": row.name, "type": row.type, "pipelines": row.pipelines, "versions": len(row.versions)},
            empty="No pipeline has read data here yet",
        )

    def get_steps_by_type(self, type: type | str, *, limit: int | None = None) -> Listing[PastStep]:  # noqa: A002 - a type
        """Return the steps of a type in all runs, newest first, with what they were given and how they went.

        Args:
            type: a step class, its name, or `module:Class`.
            limit: at most so many.

        Raises:
            PluginError: nothing of that type ran, and nobody offers it; the closest name is told.
        """
        from zenml.repo.history import PastStep, past_steps
        from zenml.repo.listing import Listing

        return Listing(past_steps(self.metadata_store, type, limit), PastStep.row, empty=f"No {type} has run here yet")

    def get_hyperparameters(self, pipeline: str | None = None) -> Listing[PastStep]:
        """Return what trainers were given in all runs, newest first, with what came of it.

        Args:
            pipeline: only in runs of this pipeline.

        Raises:
            ConfigError: no pipeline of that name ever ran.
        """
        from zenml.repo.history import PastStep, hyperparameters
        from zenml.repo.listing import Listing

        if pipeline is not None:
            self.get_spec(pipeline)
        found = hyperparameters(self.metadata_store, pipeline)
        return Listing(found, PastStep.hyperparameters, empty="No trainer has run here yet")

    def get_lineage(self, uri: str) -> Lineage:
        """Return what an artifact was made from, and what was made from it, step by step.

        Args:
            uri: where the artifact is, as `zenml step get` shows it.

        Raises:
            ConfigError: no run refers to an artifact there.
        """
        from zenml.repo.lineage import trace

        return trace(self.metadata_store, uri)

    def get_pipeline_names(self) -> list[str]:
        """Return the names of all pipelines that ever ran, in order of their first run."""
        return self.metadata_store.list_pipelines()

    def get_pipeline_by_name(self, name: str) -> Pipeline:
        """Return a pipeline as it last ran.

        Raises:
            ConfigError: no pipeline of that name ever ran.
        """
        from zenml.pipelines.pipeline import Pipeline

        return Pipeline.from_spec(self.get_spec(name), self.root)

    def get_datasource_names(self) -> list[str]:
        """Return the names under which pipelines have read data, in the order in which they were first read."""
        from zenml.repo.datasources import datasources

        return [row.name for row in datasources(self)]

    def get_datasource_by_name(self, name: str) -> Datasource:
        """Return a datasource as a pipeline read it last.

        Raises:
            ConfigError: no pipeline has read a datasource of that name, or its config no longer fits.
        """
        from zenml.repo.datasources import load_datasource

        return load_datasource(self, name)

    def get_spec(self, name: str) -> PipelineSpec:
        """Return the spec with which a pipeline last ran.

        Raises:
            ConfigError: no pipeline of that name ever ran.
        """
        from zenml.spec.yaml_format import read_yaml

        runs = self.get_runs(pipeline=name, limit=1)
        if not runs:
            names = self.get_pipeline_names()
            mend = closest(name, names) or "See: zenml pipeline list"
            raise ConfigError(f"no pipeline {name!r} ever ran here", mend=mend)
        return read_yaml(runs[0].record.spec)[0]

    def __repr__(self) -> str:
        return f"Repository({str(self.root)!r})"


def _seconds(age: float | str, name: str = "older_than") -> float:
    """Return the seconds of an age; none at all where it is 0."""
    from zenml.steps.sequencer.durations import nanoseconds

    try:
        return nanoseconds(age) / 1e9 if age not in (0, "0") else 0.0
    except ValueError as error:
        raise ConfigError(str(error), name) from None


def _trains(spec: str) -> bool:
    """Tell by its text whether a spec is of a training pipeline, which is the default type, or has a trainer."""
    return not _OTHER_TYPE.search(spec) or bool(_TRAINER.search(spec))
