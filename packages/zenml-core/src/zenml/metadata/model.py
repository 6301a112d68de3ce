"""How runs, steps and artifacts are laid out in ML Metadata's data model: names, kinds and codes."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from zenml.metadata.records import State


class Kind(IntEnum):
    """What a type is a type of (`Type.type_kind`)."""

    EXECUTION = 0
    ARTIFACT = 1
    CONTEXT = 2


class DataType(IntEnum):
    """Type of a declared property (`TypeProperty.data_type`)."""

    INT = 1
    DOUBLE = 2
    STRING = 3


class EventType(IntEnum):
    """How an execution touched an artifact (`Event.type`)."""

    INPUT = 3
    OUTPUT = 4


LIVE = 2
"""`Artifact.state` of an artifact that is published."""

EXECUTION_STATES = {
    State.PENDING: 1,
    State.RUNNING: 2,
    State.COMPLETE: 3,
    State.FAILED: 4,
    State.LOST: 4,
    State.CACHED: 5,
    State.CANCELED: 6,
    State.SKIPPED: 6,
}
"""`Execution.last_known_state` of each state; the exact one is the property `zenml_state`."""


class Name(StrEnum):
    """Names of types."""

    PIPELINE = "zenml.Pipeline"
    RUN = "zenml.Run"
    SPEC = "zenml.Spec"
    ATTEMPT_END = "zenml.AttemptEnd"
    STEP = "zenml.Step"


class Field(StrEnum):
    """Names of declared properties.

    Times and numbers that may pass 32 bits are kept as strings, because `int_value` is a 32-bit column in some
    databases. A fingerprint stands under one of three names, by what became of its step: a look-up in the cache so
    passes over hits and failures without reading them.
    """

    STATE = "zenml_state"
    STARTED = "started"
    FINISHED = "finished"
    ERROR = "error"
    # of runs
    PIPELINE = "pipeline"
    SPEC = "spec"
    OWNER_HOST = "owner_host"
    OWNER_PID = "owner_pid"
    OWNER_STARTED = "owner_started"
    # of specs
    TEXT = "text"
    # of steps
    STEP_TYPE = "step_type"
    POSITION = "position"
    ATTEMPT = "attempt"
    FINGERPRINT = "fingerprint"
    CACHED_FINGERPRINT = "cached_fingerprint"
    TRIED_FINGERPRINT = "tried_fingerprint"
    # of artifacts
    DIGEST = "digest"


FORGOTTEN = "forgotten_fingerprint"
"""Custom property that holds the fingerprint of a step that the cache has forgotten, where no look-up finds it."""

FACT = "facts/"
"""Prefix of the custom properties that hold facts."""

METRIC = "metrics/"
"""Prefix of the custom properties that hold metrics: doubles, or a string where the number is not finite."""

BEAT = "beat"
"""Custom property of runs: when the owner last said that it is alive, in seconds by the database's clock."""

MORE = "more/"
"""Prefix of the custom properties that hold what follows in a long text: `more/NUMBER/NAME`."""

_STRING = DataType.STRING
TYPES: dict[tuple[Kind, str], dict[Field, DataType]] = {
    (Kind.CONTEXT, Name.PIPELINE): {},
    (Kind.CONTEXT, Name.SPEC): {Field.TEXT: _STRING},
    (Kind.CONTEXT, Name.ATTEMPT_END): {},
    (Kind.CONTEXT, Name.RUN): {
        Field.STATE: _STRING,
        Field.PIPELINE: _STRING,
        Field.SPEC: _STRING,
        Field.OWNER_HOST: _STRING,
        Field.OWNER_PID: _STRING,
        Field.OWNER_STARTED: _STRING,
        Field.STARTED: _STRING,
        Field.FINISHED: _STRING,
        Field.ERROR: _STRING,
    },
    (Kind.EXECUTION, Name.STEP): {
        Field.STATE: _STRING,
        Field.STEP_TYPE: _STRING,
        Field.POSITION: DataType.INT,
        Field.ATTEMPT: _STRING,
        Field.FINGERPRINT: _STRING,
        Field.CACHED_FINGERPRINT: _STRING,
        Field.TRIED_FINGERPRINT: _STRING,
        Field.STARTED: _STRING,
        Field.FINISHED: _STRING,
        Field.ERROR: _STRING,
    },
}
"""The types that every store holds, with their declared properties."""

ARTIFACT_PROPERTIES = {Field.DIGEST: _STRING}
"""Declared properties of every artifact type."""

SIMPLE_TYPES: dict[Kind, tuple[str, ...]] = {
    Kind.ARTIFACT: ("mlmd.Dataset", "mlmd.Model", "mlmd.Metrics", "mlmd.Statistics"),
    Kind.EXECUTION: ("mlmd.Train", "mlmd.Transform", "mlmd.Process", "mlmd.Evaluate", "mlmd.Deploy"),
}
"""ML Metadata's own types, present in every database that it makes."""


def artifact_type(name: str) -> str:
    """Return the name under which the artifact type `name` is recorded."""
    return f"zenml.{name}"


def step_name(run: str, step: str) -> str:
    """Return the name of a step's execution."""
    return f"{run}/{step}"


def attempt_name(run: str, step: str, attempt: str) -> str:
    """Return the name of the context whose making ends an attempt."""
    return f"{run}/{step}/{attempt}"


def pieces(name: str, custom: bool, text: str, size: int | None) -> list[tuple[str, bool, str]]:
    """Cut a text into properties that each hold at most `size` bytes: (name, whether custom, text).

    The first keeps the name; the others are custom properties named after it, which `joined` puts behind it.
    """
    if size is None or len(text) * 4 <= size or len(text.encode()) <= size:
        return [(name, custom, text)]
    length = size // 4  # no character takes more bytes
    parts = [text[start : start + length] for start in range(0, len(text), length)]
    more = [(f"{MORE}{number:06d}/{name}", True, part) for number, part in enumerate(parts[1:], 1)]
    return [(name, custom, parts[0]), *more]


def base_name(piece: str) -> str:
    """Return the name of the property that a further piece belongs to."""
    return piece.removeprefix(MORE).partition("/")[2]
