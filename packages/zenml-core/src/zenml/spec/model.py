"""PipelineSpec: a pipeline as plain data, the one form that runs here, in another process and in the cloud."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

FORMAT_VERSION = 1
"""Version of the spec format that this code writes, and the newest that it reads."""

DEFAULT_SEED = 1729
"""The seed of a pipeline that was not given one."""

PIPELINE_NAME = r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}"
STEP_ID = r"[A-Za-z_][A-Za-z0-9_-]{0,62}"
_OUTPUT = rf"{STEP_ID}\.[A-Za-z_][A-Za-z0-9_]*"


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ComponentSpec(_Block):
    """A step, backend or store by registry name (or `package.module:Class`) and config."""

    type: str = Field(min_length=1, description="Registry name, or package.module:Class for a class of your own")
    config: dict[str, JsonValue] = Field(default_factory=dict, description="Parameters of that type")


class RetrySpec(_Block):
    """How often a step that failed is tried again, and when; never part of a fingerprint."""

    retries: int = Field(default=0, ge=0, le=100, description="How often to try again after the first attempt")
    delay: float = Field(default=1.0, ge=0, le=86_400, description="Seconds before the first retry")
    factor: float = Field(default=2.0, ge=1, le=10, description="How much longer each further delay is")
    max_delay: float = Field(default=300.0, ge=0, le=86_400, description="Seconds that no delay is longer than")

    def delays(self) -> list[float]:
        """Return the seconds to wait before each retry."""
        return [min(self.delay * self.factor**number, self.max_delay) for number in range(self.retries)]


class StepSpec(ComponentSpec):
    """One step: what it is, what feeds it, on which backend it runs, and what to do when it was run before or fails."""

    type: str = Field(
        min_length=1,
        description="Registry name, or package.module:Class for a class of your own; with @COMMIT, as it was at that "
        "commit",
    )
    id: str = Field(pattern=f"^{STEP_ID}$", description="Name of the step, unique in the pipeline")
    inputs: dict[str, str] = Field(default_factory=dict, description="Input name to STEP.OUTPUT")
    backend: ComponentSpec | None = Field(default=None, description="How and where this step runs")
    enable_cache: bool | None = Field(
        default=None, description="Whether a past result may be served; by default as the pipeline says"
    )
    retry: RetrySpec = Field(default_factory=RetrySpec, description="What to do when the step fails")

    @field_validator("inputs")
    @classmethod
    def _outputs_are_named(cls, inputs: dict[str, str]) -> dict[str, str]:
        for name, source in inputs.items():
            if not re.fullmatch(_OUTPUT, source):
                raise ValueError(f"input {name!r} must name STEP.OUTPUT, such as data.examples, not {source!r}")
        return inputs


class EnvironmentSpec(_Block):
    """What a run needs to find the user's own code."""

    python: str | None = Field(default=None, description="Python version the pipeline is made for, such as 3.11")
    source_roots: list[str] = Field(
        default=["src", "."], description="Folders of the user's modules, relative to the repository root"
    )
    requirements: list[str] = Field(default_factory=list, description="Distributions that the user's code needs")
    install: Literal["never", "missing"] = Field(default="never", description="Whether a run may install them")


class RunSpec(_Block):
    """How and where the pipeline runs; never part of a fingerprint."""

    backend: ComponentSpec | None = None
    metadata_store: ComponentSpec | None = None
    artifact_store: str | ComponentSpec | None = Field(
        default=None, description="A folder or URL; or the type (gs, s3) and config of a store with options"
    )


class PipelineSpec(_Block):
    """A whole pipeline.

    `Pipeline` objects build it, YAML holds it, the executor runs it.
    """

    zenml: int = Field(default=FORMAT_VERSION, description="Format version of this file")
    type: str = Field(default="TrainingPipeline", description="Kind of pipeline, which says what it must contain")
    name: str = Field(pattern=f"^{PIPELINE_NAME}$", description="Name of the pipeline")
    seed: int = Field(default=DEFAULT_SEED, ge=0, lt=2**63, description="Seed of everything random in it")
    enable_cache: bool = Field(default=True, description="Whether steps may be served from past results")
    steps: list[StepSpec] = Field(default_factory=list)
    environment: EnvironmentSpec = Field(default_factory=EnvironmentSpec)
    run: RunSpec = Field(default_factory=RunSpec)

    @field_validator("zenml")
    @classmethod
    def _version_is_known(cls, version: int) -> int:
        if not 1 <= version <= FORMAT_VERSION:
            raise ValueError(f"format version {version} is not known here; this ZenML reads up to {FORMAT_VERSION}")
        return version

    @field_validator("steps")
    @classmethod
    def _ids_are_unique(cls, steps: list[StepSpec]) -> list[StepSpec]:
        ids = [step.id for step in steps]
        twice = sorted({step_id for step_id in ids if ids.count(step_id) > 1})
        if twice:
            raise ValueError(f"two steps have the same id: {', '.join(twice)}")
        return steps

    def may_serve(self, step: StepSpec) -> bool:
        """Say whether a past result may be served for a step."""
        return self.enable_cache if step.enable_cache is None else step.enable_cache

    def to_data(self) -> dict[str, Any]:
        """Return the spec as JSON types, in the order of the file format, without what holds its default."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        data = {"zenml": self.zenml, "name": self.name, "seed": self.seed, **data}
        data["steps"] = [_step_data(step) for step in self.steps]
        order = ["zenml", "type", "name", "seed", "enable_cache", "steps", "environment", "run"]
        return {key: data[key] for key in order if key in data}


def _step_data(step: StepSpec) -> dict[str, Any]:
    data = step.model_dump(mode="json", exclude_defaults=True)
    order = ("id", "type", "config", "inputs", "backend", "enable_cache", "retry")
    return {key: data[key] for key in order if key in data}
