"""Step: one unit of a pipeline's work, and what it is given to do it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import PrivateAttr, ValidationError

from zenml.artifacts.handles import NewArtifact, StoredArtifact
from zenml.artifacts.types import Artifact
from zenml.backends.base import BaseBackend
from zenml.backends.placement import Placement
from zenml.backends.reporter import Advance as Advance
from zenml.backends.reporter import Reporter as Reporter
from zenml.data.shards import RunJob
from zenml.errors import ConfigError, Problem
from zenml.plugins.registry import type_name
from zenml.spec.component import Component, config_problems
from zenml.spec.model import RetrySpec
from zenml.spec.pinned_type import read_pinned_type

if TYPE_CHECKING:
    from zenml.steps.trainer.checkpoints import Checkpoints

Inputs = Mapping[str, "Wired"]


@dataclass
class StepContext:
    """Everything that a running step may touch.

    Args:
        inputs: published artifacts by input name.
        outputs: one empty folder per declared output, by output name.
        seed: the seed for whatever is random in the step.
        run_job: runs a shard job on the step's processing backend; gives the states in shard order.
        scratch: an empty local folder for intermediate files; it goes when the step ends.
        report: messages and progress.
        metrics: numbers to record with the step; an evaluator's become `run.metrics`.
        checkpoints: of a step that trains, what an attempt before this one has learned; None outside of a run.
        placement: of a step that trains, on what, and as which of how many processes.
    """

    inputs: Mapping[str, StoredArtifact]
    outputs: Mapping[str, NewArtifact]
    seed: int
    run_job: RunJob
    scratch: Path
    report: Reporter
    metrics: dict[str, float] = field(default_factory=dict)
    checkpoints: Checkpoints | None = None
    placement: Placement = field(default_factory=Placement)


class Step(Component):
    """Base of all steps. Declare config as annotated fields, `inputs` and `outputs`, and implement `run`."""

    KINDS = ("step", "datasource")

    inputs: ClassVar[Mapping[str, type[Artifact]]] = {}
    """Input names and the artifact type that each takes."""

    outputs: ClassVar[Mapping[str, type[Artifact]]] = {}
    """Output names and the artifact type that each gives."""

    BACKEND_KINDS: ClassVar[tuple[str, ...]] = ("processing",)
    """Kinds of backend that `with_backend` takes; the first is used by default."""

    CACHE_VERSION: ClassVar[int | None] = None
    """Of a class that a distribution ships: raised by one whenever the same config gives other output.

    `None` means that the source code's digest stands for it, as for every class of a user's own.
    """

    SEEDED: ClassVar[bool] = True
    """Whether the pipeline's seed changes what the step gives; a step that draws nothing at random says False."""

    VERSIONED_BY: ClassVar[tuple[str, ...]] = ()
    """Distributions whose version changes what the step gives (`("scikit-learn",)`)."""

    _backend: BaseBackend | None = PrivateAttr(default=None)
    _enable_cache: bool | None = PrivateAttr(default=None)
    _retry: RetrySpec = PrivateAttr(default_factory=RetrySpec)
    _pinned_to: str = PrivateAttr(default="")

    @property
    def backend(self) -> BaseBackend | None:
        """The backend chosen by `with_backend`, or None for the default one."""
        return self._backend

    def with_backend(self, backend: BaseBackend) -> Self:
        """Choose how and where this step runs, and return the step.

        Raises:
            ConfigError: the step does not take that kind of backend.
        """
        if backend.BACKEND_TYPE not in self.BACKEND_KINDS:
            raise ConfigError(
                f"{type(backend).__name__} is a {backend.BACKEND_TYPE} backend",
                type(self).__name__,
                f"This step takes: {', '.join(self.BACKEND_KINDS) or 'no backend'}",
            )
        self._backend = backend
        return self

    @property
    def enable_cache(self) -> bool | None:
        """Whether a past result may be served; None where the pipeline decides."""
        return self._enable_cache

    @property
    def retry(self) -> RetrySpec:
        """What to do when the step fails."""
        return self._retry

    def with_cache(self, enable_cache: bool) -> Self:
        """Say whether a past result may be served, whatever the pipeline says, and return the step."""
        self._enable_cache = enable_cache
        return self

    def with_retry(self, retries: int, *, delay: float = 1.0, factor: float = 2.0, max_delay: float = 300.0) -> Self:
        """Try again when the step fails, and return the step.

        What no second attempt mends is not tried again: bad data, and config that does not fit.

        Args:
            retries: how often, after the first attempt.
            delay: seconds before the first retry.
            factor: how much longer each further delay is.
            max_delay: seconds that no delay is longer than.

        Raises:
            ConfigError: a number is out of range.
        """
        try:
            self._retry = RetrySpec(retries=retries, delay=delay, factor=factor, max_delay=max_delay)
        except ValidationError as error:
            raise ConfigError(config_problems(RetrySpec, error, f"{type(self).__name__}.with_retry")) from None
        return self

    @property
    def pinned_to(self) -> str:
        """The commit at which the step's code is used, as `with_version` was given it; empty for the code as it is."""
        return self._pinned_to

    def with_version(self, commit: str) -> Self:
        """Use the step's code as it was at a commit, whatever becomes of the working tree, and return the step.

        The class, all that it imports from the repository, its parameters, inputs and outputs are those of that commit.
        Such a step runs in a process of its own.

        Args:
            commit: hash of a commit of the repository, or at least 7 digits of it.

        Raises:
            ConfigError: it is not such a hash, or the class is not in a module of your own.
        """
        name = type_name(type(self))
        if "<locals>" in name:
            raise ConfigError("its class is defined inside a function", name, "Move it to the top level of a module")
        pinned = read_pinned_type(f"{name}@{commit}")
        self._pinned_to = pinned.commit if pinned else ""
        return self

    @property
    def is_gate(self) -> bool:
        """Whether the steps that come after this one in the pipeline wait for it, though they read nothing of it."""
        return False

    def fingerprint_config(self) -> dict[str, Any]:
        """Return the part of the config that changes the step's outputs (JSON types)."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def code_classes(self) -> Iterable[type]:
        """Return the classes beside the step's own that its config names; their code counts in its fingerprint."""
        return ()

    def split_names(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return the names of the splits in this step's outputs, or None where they are not known before it runs."""
        for producer in inputs.values():
            names = producer.split_names()
            if names is not None:
                return names
        return None

    def check(self, inputs: Inputs) -> Iterable[Problem]:
        """Find, before anything runs, what is wrong with the config or does not fit the steps before this one.

        An input whose producer has problems of its own is left out of `inputs`.
        """
        return ()

    @abstractmethod
    def run(self, context: StepContext) -> None:
        """Do the work: read `context.inputs`, fill `context.outputs`.

        Raises:
            ZenMLError: for whatever the user can mend; any other exception is shown as a bug with its traceback.
        """


@dataclass(frozen=True)
class Wired:
    """A step in its place in a pipeline: its id, and the steps that feed its inputs."""

    id: str
    step: Step
    inputs: Inputs

    def split_names(self) -> tuple[str, ...] | None:
        """Return the names of the splits that this step gives, where known."""
        return self.step.split_names(self.inputs)
