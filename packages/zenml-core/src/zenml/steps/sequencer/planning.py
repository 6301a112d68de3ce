"""Planner: from what a user asks of a sequencer to what its workers do, with all that does not fit the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from zenml.data.schema import Feature, ListType, LogicalType
from zenml.data.sequences import filling, resampling
from zenml.data.sequences.clock import Clock
from zenml.data.sequences.plan import FeaturePlan, SequencePlan
from zenml.data.snapshot import Snapshot
from zenml.data.times import TIME_TYPES
from zenml.errors import DataError, Problem, closest
from zenml.steps.sequencer.config import SequenceConfig, SequenceMethod

_KEY_TYPES = (LogicalType.INTEGER, LogicalType.BOOLEAN, LogicalType.STRING, LogicalType.BYTES)
_TRAIN = "train"


@dataclass
class Planner:
    """Plans sequences for the splits of a snapshot.

    Args:
        source: the snapshot.
        step: the step's name, for messages.
        keys: names of the key columns.
        time: name of the time column.
        unit: its unit, where it holds numbers.
        features: names of the columns that go into windows, or None for all others.
        overwrite: what the user wants instead of the defaults, by feature.
        rate: nanoseconds between cells, or 0.
        gap: nanoseconds beyond which a sequence ends, or 0.
    """

    source: Snapshot
    step: str
    keys: Sequence[str]
    time: str
    unit: str
    features: Sequence[str] | None
    overwrite: Mapping[str, SequenceConfig]
    rate: int
    gap: int
    _problems: list[Problem] = field(default_factory=list)

    def plans(self, length: int, shift: int) -> dict[str, SequencePlan]:
        """Return a plan for each split.

        Args:
            length: cells of a window.
            shift: cells from one window to the next.

        Raises:
            DataError: everything that does not fit the columns.
        """
        keys = [feature for name in self.keys if (feature := self._column(name, "category_column", _KEY_TYPES))]
        time = self._column(self.time, "time_column", TIME_TYPES)
        clock = Clock(time.type.element if time else LogicalType.TIMESTAMP, self.unit)
        rate, gap = self._ticks(clock, "resampling_rate", self.rate), self._ticks(clock, "gap_threshold", self.gap)
        if rate % clock.grain:
            what = f"column {self.time!r} holds whole numbers, and the times of cells would not be"
            self._fault(what, "resampling_rate", "Take a multiple of the time_unit, or declare the column a float")
        features = self._features()
        for feature in features:
            if isinstance(feature.type, ListType):
                what = f"column {feature.name!r} holds lists ({feature.type}), of which no window can be made"
                self._fault(what, "features", "Name the other columns in features")
        for name in self.overwrite.keys() - {feature.name for feature in features}:
            known = [feature.name for feature in features]
            self._fault(f"{name!r} is not among the features", "overwrite", closest(name, known))
        made = {split: [self._feature(feature, split) for feature in features] for split in self.source.splits}
        plans = {
            split: SequencePlan(
                tuple(keys),
                self.time,
                clock.type,
                self.unit,
                tuple(feature for feature in some if feature),
                rate,
                gap,
                length,
                shift,
            )
            for split, some in made.items()
        }
        self._check_names(next(iter(plans.values())))
        if self._problems:
            raise DataError(dict.fromkeys(self._problems))
        return plans

    def _fault(self, what: str, parameter: str, mend: str = "") -> None:
        self._problems.append(Problem(what, f"{self.step}.{parameter}", mend))

    def _column(self, name: str, parameter: str, types: Sequence[LogicalType] = ()) -> Feature | None:
        try:
            feature = self.source.schema[name]
        except DataError as error:
            for problem in error.problems:
                self._fault(problem.what, parameter, problem.mend)
            return None
        if types and feature.type not in types:
            wanted = ", ".join(kind.value for kind in types)
            self._fault(f"column {name!r} is of type {feature.type.value}", parameter, f"It takes: {wanted}")
            return None
        return feature

    def _ticks(self, clock: Clock, parameter: str, length: int) -> int:
        if length % clock.nanoseconds:
            self._fault(f"times are counted in microseconds, and {length} ns are no whole number of them", parameter)
        return length // clock.nanoseconds

    def _features(self) -> list[Feature]:
        if self.features is not None:
            return [feature for name in self.features if (feature := self._column(name, "features"))]
        others = [feature for feature in self.source.schema if feature.name not in (*self.keys, self.time)]
        if not others:
            self._fault("there is no column but the key and the time", "features")
        return others

    def _feature(self, feature: Feature, split: str) -> FeaturePlan | None:
        config = self.overwrite.get(feature.name, SequenceConfig())
        chosen = self._resampling(feature, config) if self.rate else ""
        fillings = config.filling
        if fillings is None:
            fillings = [SequenceMethod(method=filling.FORWARD)] if self.rate else []
        averaged = any(row.method == filling.MEAN for row in fillings)
        kind = feature.type.element
        if chosen == resampling.COUNT:
            kind = LogicalType.INTEGER
        if kind is LogicalType.INTEGER and (chosen == "mean" or averaged):
            kind = LogicalType.FLOAT
        made = [self._filling(Feature(feature.name, kind), feature, row, split) for row in fillings]
        return FeaturePlan(feature.name, kind, chosen, tuple(row for row in made if row))

    def _resampling(self, feature: Feature, config: SequenceConfig) -> str:
        if not config.resampling:
            return "mean" if feature.type.numeric else "last"
        (asked,) = config.resampling
        place = f"overwrite.{feature.name}.resampling"
        methods = resampling.METHODS if feature.type.numeric else resampling.ANY_TYPE
        if asked.method not in methods:
            mend = closest(asked.method, methods) or f"Methods: {', '.join(methods)}"
            self._fault(f"a column of type {feature.type.value} has no method {asked.method!r}", place, mend)
        if asked.parameters:
            self._fault(f"{asked.method!r} takes no parameters", place)
        return asked.method

    def _filling(self, made: Feature, column: Feature, asked: SequenceMethod, split: str) -> tuple[str, Any] | None:
        place = f"overwrite.{column.name}.filling"
        wanted = {"value"} if asked.method == filling.CONSTANT else set()
        if asked.method not in filling.METHODS:
            mend = closest(asked.method, filling.METHODS) or f"Methods: {', '.join(filling.METHODS)}"
            self._fault(f"there is no method {asked.method!r}", place, mend)
        elif set(asked.parameters) != wanted:
            takes = "the parameter 'value'" if wanted else "no parameters"
            self._fault(f"{asked.method!r} takes {takes}", place)
        elif asked.method == filling.MEAN and not column.type.numeric:
            self._fault(f"a column of type {column.type.value} has no mean", place)
        elif asked.method == filling.MEAN:
            numbers = self.source.statistics(_TRAIN if _TRAIN in self.source.splits else split)[column.name].numbers
            return asked.method, numbers.mean if numbers else None
        elif asked.method == filling.CONSTANT:
            return self._constant(made, asked.parameters["value"], place)
        else:
            return asked.method, None
        return None

    def _constant(self, feature: Feature, value: Any, place: str) -> tuple[str, Any] | None:
        plain = {
            LogicalType.INTEGER: type(value) is int,
            LogicalType.FLOAT: type(value) in (int, float),
            LogicalType.BOOLEAN: type(value) is bool,
            LogicalType.STRING: type(value) is str,
        }
        try:
            fits = plain.get(feature.type.element, False)
            pa.scalar(float(value) if fits and feature.type is LogicalType.FLOAT else value, feature.type.arrow)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            fits = False
        if not fits:
            self._fault(f"{value!r} cannot fill a column of type {feature.type.value}", place)
            return None
        return filling.CONSTANT, value

    def _check_names(self, plan: SequencePlan) -> None:
        names = plan.schema.names
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            self._fault(f"two columns of the windows would be called {name!r}", "features", "Rename a column")
