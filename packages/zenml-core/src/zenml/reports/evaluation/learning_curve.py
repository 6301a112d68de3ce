"""The learning curve: how the loss and the metrics of a training went from epoch to epoch."""

from __future__ import annotations

from collections.abc import Sequence

from zenml.data.metrics.table import greater_is_better
from zenml.reports.evaluation.drawing import Line, chart
from zenml.reports.formats import number_text
from zenml.steps.trainer.history import Epoch

_EVAL = "eval_"
_MOST_POINTS = 400


def learning_curve_cards(epochs: Sequence[Epoch]) -> str:
    """Return a chart for each metric, with what was measured on the split trained on and on `eval`.

    Args:
        epochs: as they were recorded; nothing is drawn of fewer than two.
    """
    if len(epochs) < 2:
        return ""
    names = [name for name in dict.fromkeys(name for row in epochs for name in row) if name != "epoch"]
    bases = sorted(dict.fromkeys(name.removeprefix(_EVAL) for name in names), key=lambda name: name != "loss")
    return "".join(_card(base, [name for name in (base, _EVAL + base) if name in names], epochs) for base in bases)


def _card(base: str, names: Sequence[str], epochs: Sequence[Epoch]) -> str:
    curves = {name: [(row["epoch"] or 0.0, row[name]) for row in epochs if row.get(name) is not None] for name in names}
    values = [value for points in curves.values() for _, value in points if value is not None]
    if not values:
        return ""
    low, high = min(values), max(values)
    spread = high - low or 1.0
    first, last = (epochs[at]["epoch"] or 0.0 for at in (0, -1))
    width = last - first or 1.0
    lines = []
    for name, points in curves.items():
        number = int(name.startswith(_EVAL))
        drawn = [((epoch - first) / width, ((value or 0.0) - low) / spread) for epoch, value in _thinned(points)]
        lines.append(Line(drawn, "eval" if number else "train", number))
    best = max if greater_is_better(base) else min
    watched = next(points for points in reversed(curves.values()) if points)
    epoch, value = best(watched, key=lambda point: point[1] or 0.0)
    note = f"best: {number_text(value or 0.0)} in epoch {epoch:.0f}"
    marks = tuple(number_text(low + share * (high - low)) for share in (1.0, 0.5, 0.0))
    ends = (f"{first:.0f}", f"{last:.0f}")
    return chart(base, lines, x="epoch", y=base, note=note, x_ends=ends, y_marks=(marks[0], marks[1], marks[2]))


def _thinned(points: Sequence[tuple[float, float | None]]) -> Sequence[tuple[float, float | None]]:
    """Return every so many of the points, and the last one."""
    step = -(-len(points) // _MOST_POINTS)
    return points if step == 1 else [*points[:-1:step], points[-1]]
