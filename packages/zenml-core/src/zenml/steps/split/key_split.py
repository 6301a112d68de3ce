"""KeySplit: splits of given shares of the keys, by a hash of each row's key."""

from __future__ import annotations

from pydantic import Field, field_validator

from zenml.errors import DataError
from zenml.steps.base import Inputs, StepContext
from zenml.steps.split.base import Split
from zenml.steps.split.shares import check_shares


class KeySplit(Split):
    """Put all rows of one key, such as a customer, into the same split.

    Where a row goes depends on the pipeline's seed and the cells in its key columns alone: appended rows leave the
    others where they were, and join those of their key. The shares are shares of the keys, met about as well as the
    number of keys allows. Rows with a missing cell in a key column have that in common, and stay together too.

    Args:
        key_columns: names of the columns that make the key.
        split_map: share of the keys by name of the split, as in `{"train": 0.7, "eval": 0.3}`; the shares sum to 1.
    """

    CACHE_VERSION = 1

    key_columns: list[str] = Field(min_length=1)
    split_map: dict[str, float] = Field(default_factory=lambda: {"train": 0.7, "eval": 0.3})

    _shares = field_validator("split_map")(check_shares)

    @field_validator("key_columns")
    @classmethod
    def _no_repeats(cls, columns: list[str]) -> list[str]:
        if len(set(columns)) < len(columns):
            raise ValueError("a column is listed twice")
        return columns

    def split_names(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the names in `split_map`."""
        return tuple(self.split_map)

    def run(self, context: StepContext) -> None:
        """Deal the rows out."""
        from zenml.data.dealing import hash_borders
        from zenml.data.snapshot import Snapshot

        source = Snapshot.of(context.inputs["examples"])
        problems = [
            problem for name in self.key_columns for problem in self._column(source.schema, "key_columns", name)[1]
        ]
        if problems:
            raise DataError(problems)
        for name in self.key_columns:
            missing = sum(source.statistics(split)[name].missing for split in source.splits)
            if missing:
                context.report.warn(f"{missing:,} rows have no {name!r}; they count as one key and stay together")
        borders = hash_borders(self.split_map)
        dealer = {
            "by": "key",
            "columns": self.key_columns,
            "borders": [*borders.values()],
            "seed": context.seed,
        }
        self._deal(context, [*borders], dealer)
