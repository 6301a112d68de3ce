"""Pipeline: named steps, built in Python or read from YAML, and run on a backend."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from zenml.artifacts.store import ArtifactStore
from zenml.backends.orchestrator_interface import OrchestratorBackend
from zenml.backends.reporter import Reporter
from zenml.config.repository import current_root, find_root, secrets_path
from zenml.datasources.base import Datasource
from zenml.errors import ConfigError, Problem, SpecError, ZenMLError
from zenml.metadata.store import MetadataStore
from zenml.pipelines.data_views import DataViews
from zenml.plugins.registry import type_name
from zenml.runtime.graph import load_step
from zenml.runtime.live import live_reason
from zenml.runtime.pins import Pins
from zenml.runtime.run import Run
from zenml.runtime.source_roots import use_source_roots
from zenml.runtime.step_run import in_step
from zenml.runtime.wiring import wire
from zenml.secrets import use_secrets_file
from zenml.spec.model import (
    DEFAULT_SEED,
    PIPELINE_NAME,
    ComponentSpec,
    EnvironmentSpec,
    PipelineSpec,
    RunSpec,
    StepSpec,
)
from zenml.spec.yaml_format import read_yaml, write_yaml
from zenml.steps.base import Step

if TYPE_CHECKING:
    from zenml.runtime.planning import Plan


class Pipeline(DataViews):
    """A pipeline of any steps.

    Args:
        name: 1 to 63 letters, digits, spaces, dots, dashes and underscores, beginning with a letter or digit.
        seed: the seed of everything random in it.
        environment: where the user's modules lie, and what they need.
        enable_cache: whether steps may be served from past results; `step.with_cache(…)` says otherwise for one step.
    """

    KIND: ClassVar[str] = "Pipeline"

    def __init__(
        self,
        name: str,
        *,
        seed: int = DEFAULT_SEED,
        environment: EnvironmentSpec | None = None,
        enable_cache: bool = True,
    ) -> None:
        if not re.fullmatch(PIPELINE_NAME, name):
            raise ConfigError(
                f"{name!r} cannot be the name of a pipeline",
                mend="Begin with a letter or digit; then up to 62 letters, digits, spaces, dots, dashes, underscores",
            )
        self.name = name
        self.seed = seed
        self.enable_cache = enable_cache
        self.environment = environment or EnvironmentSpec()
        self.run_defaults = RunSpec()
        self._steps: dict[str, Step] = {}
        self._inputs: dict[str, dict[str, str]] = {}

    @property
    def steps(self) -> Mapping[str, Step]:
        """Steps by id, in order."""
        return dict(self._ordered())

    def add_step(
        self,
        step: Step,
        *,
        id: str | None = None,  # noqa: A002 - named as in the spec
        inputs: Mapping[str, str] | None = None,
    ) -> Self:
        """Add a step; return the pipeline.

        Args:
            step: the step.
            id: its name in the pipeline; by default its class name in snake case.
            inputs: input name to `STEP.OUTPUT`, only where the default (the last producer of that type) is not meant.

        Raises:
            ConfigError: the id is taken.
        """
        step_id = id or re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(step).__name__).lower()
        if step_id in self._steps:
            raise ConfigError(f"the pipeline has a step {step_id!r} already", mend="Give another one with id=")
        self._steps[step_id] = step
        self._inputs[step_id] = dict(inputs or {})
        return self

    def add_datasource(self, datasource: Datasource) -> Self:
        """Add the step `data`."""
        return self.add_step(datasource, id="data")

    def to_spec(self, root: Path | None = None) -> PipelineSpec:
        """Return the spec, with the source of every input written out.

        Args:
            root: the repository root; paths inside it are stored relative to it.

        Raises:
            SpecError: inputs that cannot be wired.
        """
        root = root or current_root()
        with use_secrets_file(secrets_path(root)):
            blocks = {step_id: _block(step_id, step, self._inputs[step_id], root) for step_id, step in self._ordered()}
        steps, pinned = self._wired_steps(blocks, root)
        sources, problems = wire(steps, self._inputs, [step_id for step_id in blocks if step_id not in dict(steps)])
        if pinned or problems:
            raise SpecError([*pinned, *problems])
        return PipelineSpec(
            type=self.KIND,
            name=self.name,
            seed=self.seed,
            enable_cache=self.enable_cache,
            steps=[block.model_copy(update={"inputs": sources[step_id]}) for step_id, block in blocks.items()],
            environment=self.environment,
            run=self.run_defaults,
        )

    def to_yaml(self, path: str | Path | None = None) -> str:
        """Return the pipeline as YAML, and write it to `path` if one is given.

        Raises:
            SpecError: a step, or its backend, lives in the launched script or a notebook, where no other process can
                import it, or a table is in memory only.
        """
        problems = [row for step_id, step in self._steps.items() for row in live_reason(step_id, step)]
        problems += [
            Problem(reason, f"step {step_id}")
            for step_id, step in self._steps.items()
            if isinstance(step, Datasource)
            for reason in step.export_problems()
        ]
        if problems:
            raise SpecError(problems)
        text = write_yaml(self.to_spec())
        if path:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @staticmethod
    def from_spec(spec: PipelineSpec, root: Path | None = None) -> Pipeline:
        """Return the pipeline that a spec describes, as the kind that the spec names.

        Args:
            spec: the spec.
            root: the repository root, from which relative paths in it count; by default the current one.
        """
        from zenml.pipelines.kinds import pipeline_kind

        pipeline = pipeline_kind(spec.type)(
            spec.name, seed=spec.seed, environment=spec.environment, enable_cache=spec.enable_cache
        )
        pipeline.run_defaults = spec.run
        root = root or current_root()
        use_source_roots(root, spec.environment.source_roots)
        with Pins(root, spec.environment.source_roots) as pins:
            steps = {block.id: load_step(block, pins) for block in spec.steps}
        for block in spec.steps:
            step = steps[block.id]
            if block.backend:
                from zenml.backends.base import BaseBackend

                step.with_backend(BaseBackend.from_config(block.backend.model_dump()))
            if isinstance(step, Datasource):
                step = step.resolve(root)
            if block.enable_cache is not None:
                step.with_cache(block.enable_cache)
            step.with_retry(**block.retry.model_dump())
            pipeline.add_step(step, id=block.id, inputs=block.inputs)
        return pipeline

    @staticmethod
    def from_yaml(path: str | Path) -> Pipeline:
        """Read a pipeline file.

        Raises:
            SpecError: every problem in it, with its line.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"cannot read the pipeline file: {error}", str(path)) from None
        spec, _ = read_yaml(text, str(path))
        return Pipeline.from_spec(spec, find_root(Path(path).parent))

    @staticmethod
    def from_run(run: str | Run) -> Pipeline:
        """Return the pipeline of a recorded run of this repository, as it ran.

        Args:
            run: the run, or its id.

        Raises:
            StoreError: there is no such run.
            SpecError: its spec does not fit what is installed now.
        """
        from zenml.config.settings import artifact_store, metadata_store

        root = current_root()
        found = run if isinstance(run, Run) else Run(run, metadata_store(root), artifact_store(root))
        return Pipeline.from_spec(read_yaml(found.record.spec)[0], root)

    def copy(self, name: str) -> Self:
        """Return a pipeline of another name with the same steps, to be changed without changing this one."""
        other = type(self)(name, seed=self.seed, environment=self.environment, enable_cache=self.enable_cache)
        other.run_defaults = self.run_defaults
        for step_id, step in self._steps.items():
            other.add_step(step.model_copy(deep=True), id=step_id, inputs=self._inputs[step_id])
        return other

    def run(
        self,
        backend: OrchestratorBackend | None = None,
        metadata_store: MetadataStore | None = None,
        artifact_store: ArtifactStore | str | None = None,
        *,
        wait: bool = True,
        report: Reporter | None = None,
        resume: str | Run | None = None,
    ) -> Run:
        """Run the pipeline and return the run.

        Args:
            backend: how and where the pipeline runs; by default in this process.
            metadata_store: where the run is recorded; by default the repository's.
            artifact_store: where artifacts are published; by default the repository's.
            wait: return only when the run has ended.
            report: takes messages and progress; by default the console, which also gets a table of the ended run.
            resume: a run of this pipeline, or its id, that did not complete: it goes on from its last published step.

        Raises:
            SpecError: every problem with the pipeline, found before anything runs.
            ConfigError: the run to resume is COMPLETE or going on, or a step that it published has changed.
            RunFailed: the run ended in another state than COMPLETE; it is recorded as such.
        """
        from zenml.pipelines.launching import launch

        root = current_root()
        spec = self.to_spec(root)
        return launch(
            spec,
            root,
            live=self._live_steps(root),
            backend=backend,
            metadata_store=metadata_store,
            artifact_store=artifact_store,
            wait=wait,
            report=report,
            resume=resume.id if isinstance(resume, Run) else resume,
        )

    def plan(
        self,
        backend: OrchestratorBackend | None = None,
        metadata_store: MetadataStore | None = None,
        artifact_store: ArtifactStore | str | None = None,
    ) -> Plan:
        """Return which steps would run and why, and what a backend would make elsewhere; nothing is run or recorded.

        Args:
            backend: how and where it would run.
            metadata_store: where the run would be recorded; by default the repository's.
            artifact_store: where artifacts would be published; by default the repository's.

        Raises:
            SpecError: every problem with the pipeline.
            DataError: a source cannot be read.
        """
        from zenml.pipelines.launching import plan

        root = current_root()
        live = self._live_steps(root)
        return plan(
            self.to_spec(root),
            root,
            live=live,
            backend=backend,
            metadata_store=metadata_store,
            artifact_store=artifact_store,
        )

    def _live_steps(self, root: Path) -> dict[str, Step]:
        return {
            step_id: step.relative_to(root) if isinstance(step, Datasource) else step
            for step_id, step in self._steps.items()
            if live_reason(step_id, step) and not step.pinned_to
        }

    def _wired_steps(self, blocks: dict[str, StepSpec], root: Path) -> tuple[list[tuple[str, Step]], list[Problem]]:
        """Return the steps by what their inputs and outputs are: of a pinned one, those of its commit.

        In `blocks` the types of pinned steps get the full hash of the commit. A pinned step that cannot be had is left
        out, and its problems are returned.
        """
        steps: list[tuple[str, Step]] = []
        problems: list[Problem] = []
        with Pins(root, self.environment.source_roots) as pins:
            for step_id, step in self._ordered():
                if step.pinned_to:
                    problems += live_reason(step_id, step)
                    try:
                        blocks[step_id] = blocks[step_id].model_copy(update={"type": pins.full(blocks[step_id].type)})
                        step = pins.step(blocks[step_id])
                    except ZenMLError as error:
                        problems += [in_step(problem, step_id) for problem in error.problems]
                        continue
                steps.append((step_id, step))
        return steps, problems

    def _ordered(self) -> list[tuple[str, Step]]:
        return list(self._steps.items())

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Pipeline) and self.to_spec() == other.to_spec()

    __hash__ = None  # type: ignore[assignment] # a pipeline changes as steps are added

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, steps=[{', '.join(self._steps)}])"


def _block(step_id: str, step: Step, inputs: Mapping[str, str], root: Path) -> StepSpec:
    stored = step.relative_to(root) if isinstance(step, Datasource) else step
    config = stored.written_config()
    backend = ComponentSpec(**step.backend.to_config()) if step.backend else None
    return StepSpec(
        id=step_id,
        type=f"{type_name(type(step))}@{step.pinned_to}" if step.pinned_to else type_name(type(step)),
        config=config,
        inputs=dict(inputs),
        backend=backend,
        enable_cache=step.enable_cache,
        retry=step.retry,
    )
