"""EarlyStopping: when a training has come as far as it will."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from zenml.data.metrics.table import greater_is_better
from zenml.steps.trainer.history import Epoch


@dataclass
class EarlyStopping:
    """Watches a metric from epoch to epoch; what it knows follows from the epochs alone, in their order.

    Args:
        monitor: name of the metric, as it is recorded.
        patience: after how many epochs without a better value to stop; None for never.
        min_delta: how much better counts as better.
    """

    monitor: str
    patience: int | None = None
    min_delta: float = 0.0
    best: float | None = field(default=None, init=False)
    best_epoch: int = field(default=0, init=False)
    waited: int = field(default=0, init=False)

    def see(self, row: Epoch) -> bool:
        """Take an epoch into account; say whether it is the best so far."""
        value = row.get(self.monitor)
        if value is not None and self._is_better(value):
            self.best, self.best_epoch, self.waited = value, int(row["epoch"] or 0), 0
            return True
        self.waited += 1
        return False

    def replay(self, rows: Iterable[Epoch]) -> None:
        """Take the epochs before a checkpoint into account."""
        for row in rows:
            self.see(row)

    @property
    def stop(self) -> bool:
        """Whether to stop now."""
        return self.patience is not None and self.waited >= self.patience

    def _is_better(self, value: float) -> bool:
        if self.best is None:
            return True
        gain = value - self.best if greater_is_better(self.monitor.removeprefix("eval_")) else self.best - value
        return gain > self.min_delta
