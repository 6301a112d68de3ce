"""The best earlier model of a pipeline, with which a new one is compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from zenml.data.metrics.table import greater_is_better
from zenml.metadata.records import RunRecord, StepRecord
from zenml.reports.formats import moment_text, number_text


@dataclass(frozen=True)
class EarlierModel:
    """A model that an earlier run measured.

    Args:
        run: the run's id.
        started: when it started, in seconds since the epoch.
        metrics: what it measured.
        same_data: whether it was measured on the same data.
    """

    run: str
    started: float | None
    metrics: Mapping[str, float]
    same_data: bool


def best_earlier(records: Iterable[RunRecord], step: StepRecord, metric: str) -> EarlierModel | None:
    """Return the best of the models that earlier runs measured by the same step; those measured on the same data first.

    Args:
        records: complete earlier runs with their steps.
        step: the evaluator step of the new model.
        metric: by which models are compared.
    """
    inputs = {row.name: row.digest for row in step.inputs}
    found = []
    for record in records:
        for past in record.steps:
            theirs = {row.name: row.digest for row in past.inputs}
            if past.id == step.id and metric in past.metrics and theirs.get("model") != inputs.get("model"):
                same = theirs.get("examples") == inputs.get("examples")
                found.append(EarlierModel(record.id, record.started, dict(past.metrics), same))
    sign = 1 if greater_is_better(metric) else -1
    return max(found, key=lambda model: (model.same_data, sign * model.metrics[metric]), default=None)


def comparison_card(metrics: Mapping[str, float], earlier: EarlierModel) -> str:
    """Return a card that compares a model with the best earlier one."""
    rows = []
    for name in [*metrics, *(name for name in earlier.metrics if name not in metrics)]:
        new, old = metrics.get(name), earlier.metrics.get(name)
        apart = ""
        if new is not None and old is not None:
            better = (new > old) == greater_is_better(name)
            look = "soft" if new == old else "better" if better else "worse"
            apart = f'<span class="{look}">{new - old:+.4f}</span>'
        shown = ("" if value is None else number_text(value) for value in (new, old))
        rows.append(f"<tr><th>{escape(name)}</th>{''.join(f'<td>{text}</td>' for text in shown)}<td>{apart}</td></tr>")
    when = f", {moment_text(earlier.started * 1e6)} UTC" if earlier.started else ""
    other = "" if earlier.same_data else '<p class="warn">It was measured on other data, so differences say little</p>'
    return (
        '<section class="card" style="max-width:640px"><h2>Against the best earlier model</h2>'
        f'<p class="soft" style="overflow-wrap:anywhere">run {escape(earlier.run)}{when}</p>{other}'
        '<div class="figures"><table class="num"><thead><tr><th>metric</th><th>this</th><th>earlier</th>'
        f"<th>difference</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div></section>"
    )
