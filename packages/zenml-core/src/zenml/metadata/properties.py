"""Properties of ML Metadata's nodes as records, and values as every database takes them; free of any database."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from zenml.errors import StoreError
from zenml.metadata.model import BEAT, FACT, FORGOTTEN, METRIC, MORE, Field, base_name
from zenml.metadata.records import ArtifactRecord, Owner, RunRecord, State, StepRecord


class Properties:
    """The properties of one context or execution, by what they mean."""

    def __init__(self) -> None:
        self.declared: dict[str, Any] = {}
        self.facts: dict[str, str] = {}
        self.metrics: dict[str, float] = {}
        self.forgotten = ""
        self.beat: float | None = None
        self._more: dict[str, str] = {}

    def add(self, name: str, custom: bool, value: Any) -> None:
        """Take one in."""
        if not custom:
            self.declared[name] = value
        elif name.startswith(METRIC):
            self.metrics[name.removeprefix(METRIC)] = float(value)
        elif name.startswith(FACT):
            self.facts[name.removeprefix(FACT)] = str(value)
        elif name == BEAT:
            self.beat = float(value)
        elif name.startswith(MORE):
            self._more[name] = str(value)
        elif name == FORGOTTEN:
            self.forgotten = str(value)

    def join(self) -> None:
        """Put the pieces of long texts together."""
        for piece in sorted(self._more):
            name = base_name(piece)
            if name.startswith(FACT):
                self.facts[name.removeprefix(FACT)] += self._more[piece]
            else:
                self.declared[name] += self._more[piece]

    def text(self, field: Field) -> str:
        """Return a declared property, empty where there is none."""
        return str(self.declared.get(field, ""))

    def time(self, field: Field) -> float | None:
        """Return a declared property in seconds since the epoch."""
        value = self.declared.get(field)
        return None if value is None else float(value)

    def state(self) -> State:
        """Return the exact state.

        Raises:
            StoreError: a newer ZenML wrote one that is not known here.
        """
        value = self.declared.get(Field.STATE, State.PENDING)
        try:
            return State(value)
        except ValueError:
            raise StoreError(
                f"the metadata store holds the state {value!r}, which this version of ZenML does not know",
                mend="Update zenml-core",
            ) from None


def by_name(artifacts: Iterable[ArtifactRecord]) -> tuple[ArtifactRecord, ...]:
    """Return artifacts in the order of their names."""
    return tuple(sorted(artifacts, key=lambda artifact: artifact.name))


def run_record(id_: str, properties: Properties) -> RunRecord:
    """Return a run without its spec and steps."""
    return RunRecord(
        id=id_,
        pipeline=properties.text(Field.PIPELINE),
        spec="",
        owner=Owner(
            host=properties.text(Field.OWNER_HOST),
            pid=int(properties.text(Field.OWNER_PID) or 0),
            started=properties.time(Field.OWNER_STARTED) or 0.0,
        ),
        state=properties.state(),
        started=properties.time(Field.STARTED),
        finished=properties.time(Field.FINISHED),
        error=properties.text(Field.ERROR),
        facts=properties.facts,
        beat=properties.beat,
    )


def with_silence(run: RunRecord, now: float) -> RunRecord:
    """Return a run with how long its owner has said nothing, by the clock that says `now`."""
    if run.state is not State.RUNNING or run.beat is None:
        return run
    return replace(run, silent=max(now - run.beat, 0.0))


def step_record(
    id_: str, properties: Properties, *, inputs: tuple[ArtifactRecord, ...], outputs: tuple[ArtifactRecord, ...]
) -> StepRecord:
    """Return a step."""
    fields = (Field.FINGERPRINT, Field.CACHED_FINGERPRINT, Field.TRIED_FINGERPRINT)
    return StepRecord(
        id=id_,
        type=properties.text(Field.STEP_TYPE),
        state=properties.state(),
        attempt=properties.text(Field.ATTEMPT),
        fingerprint=next(
            (properties.text(field) for field in fields if field in properties.declared), properties.forgotten
        ),
        started=properties.time(Field.STARTED),
        finished=properties.time(Field.FINISHED),
        error=properties.text(Field.ERROR),
        inputs=inputs,
        outputs=outputs,
        metrics=properties.metrics,
        facts=properties.facts,
        forgotten=bool(properties.forgotten),
    )


def storable(text: str) -> str:
    """Return a text as every database takes it: no NUL, and no half of a character."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def number(value: float) -> float | str:
    """Return a number as a column of doubles takes it in every database; others as text."""
    number = float(value)
    return number if math.isfinite(number) else repr(number)
