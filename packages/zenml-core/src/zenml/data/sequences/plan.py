"""SequencePlan: what a sequencer does to rows, as data for the workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from zenml.data.schema import Feature, LogicalType, Schema
from zenml.data.sequences.clock import Clock


@dataclass(frozen=True)
class FeaturePlan:
    """What happens to one column on its way into windows.

    Args:
        name: the column.
        type: its logical type in the windows.
        resampling: how the rows of a cell become one value, see `zenml.data.sequences.resampling`.
        fillings: names and values, one after the other, see `zenml.data.sequences.filling`.
    """

    name: str
    type: LogicalType
    resampling: str
    fillings: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class SequencePlan:
    """What a sequencer does.

    Args:
        keys: columns of the key.
        time: column of the time.
        time_type: its logical type.
        unit: its unit, where it holds numbers.
        features: the columns that go into windows.
        rate: ticks between the cells of the grid, or 0 to keep rows as they are.
        gap: ticks beyond which a new sequence begins, or 0 where none does.
        length: cells of a window.
        shift: cells from the beginning of a window to that of the next.
    """

    keys: tuple[Feature, ...]
    time: str
    time_type: LogicalType
    unit: str
    features: tuple[FeaturePlan, ...]
    rate: int
    gap: int
    length: int
    shift: int

    @property
    def clock(self) -> Clock:
        """Return the clock of the time column."""
        return Clock(self.time_type, self.unit)

    @property
    def key_names(self) -> list[str]:
        """Return the names of the key columns."""
        return [key.name for key in self.keys]

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns to read."""
        return list(dict.fromkeys([*self.key_names, self.time, *(feature.name for feature in self.features)]))

    @property
    def schema(self) -> Schema:
        """Return the columns of the windows: the key, the time of the last cell, and each feature cell by cell."""
        cells = [
            Feature(name, feature.type) for feature in self.features for name in step_names(feature.name, self.length)
        ]
        return Schema((*self.keys, Feature(self.time, self.time_type), *cells))

    def to_params(self) -> dict[str, Any]:
        """Return the plan as JSON types."""
        return asdict(self)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Read what `to_params` gave, before or after its way through JSON."""
        keys = tuple(Feature(row["name"], LogicalType(row["type"])) for row in params["keys"])
        features = tuple(
            FeaturePlan(
                row["name"],
                LogicalType(row["type"]),
                row["resampling"],
                tuple((name, value) for name, value in row["fillings"]),
            )
            for row in params["features"]
        )
        return cls(**{**params, "keys": keys, "features": features, "time_type": LogicalType(params["time_type"])})


def step_names(name: str, length: int) -> Sequence[str]:
    """Return the columns that hold the cells of a window for one feature, the earliest first."""
    return [*(f"{name}_t-{back}" for back in range(length - 1, 0, -1)), f"{name}_t"]
