"""PinnedSchema: what the columns of a datasource are expected to be, kept as YAML under version control."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from zenml.data.schema import FeatureType, LogicalType, Shape, feature_type
from zenml.data.shards import atomic_file
from zenml.data.statistics.summary import ColumnStatistics, TableStatistics
from zenml.errors import ConfigError
from zenml.spec.component import config_problems

DOMAIN_SIZE = 100
"""Most values of a text or boolean column that are taken for its whole domain."""


class ColumnRule(BaseModel):
    """What a column is expected to be.

    Args:
        type: its logical type; of a column of lists, that of their values.
        shape: `[3]` for lists of three values, `[null]` for lists of any length; None for single values.
        presence: least share of its cells that have a value, 0 to 1.
        domain: all values that it may have; None for any.
        min: smallest value of a numeric column; None for any.
        max: largest value of a numeric column; None for any.
    """

    model_config = ConfigDict(extra="forbid")

    type: LogicalType
    shape: list[PositiveInt | None] | None = Field(default=None, min_length=1, max_length=1)
    presence: float = Field(default=1.0, ge=0, le=1)
    domain: list[str] | None = None
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _check_shape(self) -> Self:
        _ = self.feature_type
        return self

    @property
    def feature_type(self) -> FeatureType:
        """Return the type of the column."""
        return feature_type(self.type, tuple(self.shape or ()))

    def takes(self, shape: Shape) -> bool:
        """Say whether cells of this shape are expected; lists of one length are lists of any, too."""
        expected = self.feature_type.shape
        return expected == shape or (expected == (None,) and len(shape) == 1)


class PinnedSchema(BaseModel):
    """The expected columns by name."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, ColumnRule]

    @classmethod
    def infer(cls, statistics: TableStatistics) -> PinnedSchema:
        """Return the schema that fits a table: types, the share of cells with a value, and domains of few values."""
        return cls(columns={column.name: _rule(column) for column in statistics.columns})

    @classmethod
    def load(cls, path: Path) -> PinnedSchema:
        """Read a schema that `save` wrote, perhaps edited since.

        Raises:
            ConfigError: the file cannot be read, with every problem in it.
        """
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"cannot read the pinned schema: {error}", str(path)) from None
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(config_problems(cls, error, str(path))) from None

    def save(self, path: Path) -> None:
        """Write the schema as YAML, made to be read and edited."""
        with atomic_file(path) as file:
            file.write(self.to_yaml().encode())

    def to_yaml(self) -> str:
        """Return the schema as the YAML that `save` writes, which is also how it shows itself."""
        data = self.model_dump(mode="json", exclude_none=True)
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)

    __repr__ = __str__ = to_yaml


def _rule(column: ColumnStatistics) -> ColumnRule:
    cells = column.count + column.missing
    presence = int(100 * column.count / cells) / 100 if cells else 0.0
    domain = None
    few = column.top and column.distinct <= DOMAIN_SIZE
    if few and column.type.element in (LogicalType.STRING, LogicalType.BOOLEAN):
        domain = sorted(str(value) for value, _ in column.top or ())
    shape = list(column.type.shape) or None
    return ColumnRule(type=column.type.element, shape=shape, presence=presence, domain=domain)
