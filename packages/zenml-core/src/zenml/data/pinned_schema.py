"""PinnedSchema: what the columns of a datasource are expected to be, kept as YAML under version control."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zenml.data.schema import LogicalType
from zenml.data.shards import atomic_file
from zenml.data.statistics.summary import ColumnStatistics, TableStatistics
from zenml.errors import ConfigError
from zenml.spec.component import config_problems

DOMAIN_SIZE = 100
"""Most values of a text or boolean column that are taken for its whole domain."""


class ColumnRule(BaseModel):
    """What a column is expected to be.

    Args:
        type: its logical type.
        presence: least share of its cells that have a value, 0 to 1.
        domain: all values that it may have; None for any.
        min: smallest value of a numeric column; None for any.
        max: largest value of a numeric column; None for any.
    """

    model_config = ConfigDict(extra="forbid")

    type: LogicalType
    presence: float = Field(default=1.0, ge=0, le=1)
    domain: list[str] | None = None
    min: float | None = None
    max: float | None = None


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
    if column.type in (LogicalType.STRING, LogicalType.BOOLEAN) and column.top and column.distinct <= DOMAIN_SIZE:
        domain = sorted(str(value) for value, _ in column.top)
    return ColumnRule(type=column.type, presence=presence, domain=domain)
