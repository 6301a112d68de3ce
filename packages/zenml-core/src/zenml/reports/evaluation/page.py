"""The page itself: what was measured of a model in a run, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from zenml.data.metrics.table import METRICS, TOGETHER, greater_is_better
from zenml.reports.evaluation import confusions, drawing, slices, worst
from zenml.reports.evaluation.best_earlier import EarlierModel, comparison_card
from zenml.reports.evaluation.curves import curve_cards
from zenml.reports.evaluation.learning_curve import learning_curve_cards
from zenml.reports.evaluation.measured import MeasuredModel, in_order
from zenml.reports.evaluation.regression import against_card
from zenml.reports.formats import number_text
from zenml.reports.page import Page, document
from zenml.steps.trainer.history import Epoch

_STYLE = (
    """<style>.stack{display:grid;gap:14px;margin-top:14px}.stack>*{min-width:0}.tiles{display:grid;gap:10px;
grid-template-columns:repeat(auto-fill,minmax(150px,1fr))}.tile{padding:10px 14px}.tile b{display:block;font-size:24px;
font-weight:600;line-height:1.25}.grid{--card:360px}.pass{color:var(--c);margin-top:6px}"""
    + drawing.STYLE
    + confusions.STYLE
    + slices.STYLE
    + worst.STYLE
    + "</style>"
)


@dataclass(frozen=True, repr=False)
class EvaluationPage(Page):
    """A page of an evaluation.

    Args:
        metrics: the metrics overall, by the names of `run.metrics`.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)

    def write(self, path: str | Path) -> EvaluationPage:
        """Write the page to a file; return it with its path."""
        return EvaluationPage(self.html, super().write(path).path, self.metrics)


def evaluation_page(
    title: str,
    models: Mapping[str, MeasuredModel],
    *,
    subtitle: str = "",
    earlier: Mapping[str, EarlierModel | None] | None = None,
    histories: Mapping[str, Sequence[Epoch]] | None = None,
) -> EvaluationPage:
    """Return a page that shows what was measured of a model.

    Args:
        title: what the page is about.
        models: what each evaluator step measured, at least one.
        subtitle: a line below the title, such as the run and its state.
        earlier: by step, the best earlier model to compare with.
        histories: by trainer step, the epochs that it recorded.
    """
    body = []
    for step, model in models.items():
        if len(models) > 1:
            body.append(f"<h2>{escape(step)}</h2>")
        body.append(_model(model, (earlier or {}).get(step)))
    curves = {step: cards for step, epochs in (histories or {}).items() if (cards := learning_curve_cards(epochs))}
    for step, cards in curves.items():
        name = "Learning curve" if len(curves) == 1 else f"Learning curve of {step}"
        body.append(f'<div class="stack"><h2>{escape(name)}</h2><div class="grid">{cards}</div></div>')
    metrics = {name: value for model in models.values() for name, value in model.metrics.items()}
    head = f'{_STYLE}<p class="soft" style="overflow-wrap:anywhere">{escape(subtitle)}</p>'
    return EvaluationPage(document(title, head, "".join(body)), None, metrics)


def _model(model: MeasuredModel, earlier: EarlierModel | None) -> str:
    content = model.content
    split = f"{content['rows']:,} rows of split {content['split']}"
    notes = "".join(f'<p class="soft">{escape(note)}</p>' for note in content["notes"])
    parts = [f"<div><p>{escape(split)}</p>{_gate(content['gate'])}{notes}</div>"]
    if "together" in content:
        values = content["together"]["metrics"]
        told = {name: (values[name], summary) for name, (summary, _) in TOGETHER.items() if name in values}
        parts.append(_tiles(told, earlier, "") if told else "")
    if earlier:
        parts.append(comparison_card(model.metrics, earlier))
    parts += [_label(model, label, earlier) for label in model.labels]
    return f'<div class="stack">{"".join(parts)}</div>'


def _label(model: MeasuredModel, label: Mapping[str, Any], earlier: EarlierModel | None) -> str:
    overall = label["overall"]["metrics"]
    several = len(model.labels) > 1
    head = f"<h2>{escape(label['name'])}<span class='chip'>{label['task']}</span></h2>"
    told = {name: (value, METRICS[name].summary if name in METRICS else "") for name, value in in_order(label, overall)}
    parts = [head, _tiles(told, earlier, f"{label['name']}/" if several else "")]
    if label["task"] == "classification":
        cards = [confusions.confusion_card(label), curve_cards(label["curves"], len(label["classes"]))]
        cards.append(confusions.class_card(label) if len(label["classes"]) > 2 else "")
    else:
        cards = [against_card(label["predicted_against_true"], label["name"])]
    parts.append(f'<div class="grid">{"".join(cards)}</div>' if any(cards) else "")
    parts += [slices.slices_card(label), worst.worst_card(model.worst, label)]
    return f'<div class="stack">{"".join(parts)}</div>'


def _gate(verdicts: Sequence[Mapping[str, Any]]) -> str:
    told = []
    for row in verdicts:
        side, most = ("min", "at least") if "min" in row else ("max", "at most")
        value = f"is {number_text(row['value'])}" if row["value"] is not None else f"is not defined ({row['reason']})"
        mark, look = ("✓", "pass") if row["kept"] else ("✗", "warn")
        told.append(
            f'<p class="{look}">{mark} {escape(row["metric"])} {escape(value)}; it must be {most} {row[side]:g}</p>'
        )
    return "".join(told)


def _tiles(metrics: Mapping[str, tuple[float | None, str]], earlier: EarlierModel | None, prefix: str) -> str:
    tiles = []
    for name, (value, summary) in metrics.items():
        old = earlier.metrics.get(prefix + name) if earlier else None
        apart = ""
        if value is not None and old is not None:
            better = (value > old) == greater_is_better(name)
            look = "soft" if value == old else "better" if better else "worse"
            apart = f'<span class="{look}" title="from the best earlier model">{value - old:+.4f}</span>'
        shown = "none" if value is None else number_text(value)
        tiles.append(
            f'<section class="card tile num" title="{escape(summary)}"><span class="soft">{escape(name)}</span>'
            f"<b>{shown}</b>{apart}</section>"
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'
