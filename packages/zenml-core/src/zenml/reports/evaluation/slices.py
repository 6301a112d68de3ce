"""Slices: groups of rows in which the model is worse, or better, than overall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from zenml.data.metrics.table import METRICS
from zenml.reports.evaluation.measured import in_order
from zenml.reports.formats import number_text, share_text

FEW = 30
"""Rows below which a group is marked: its metrics say little."""

_MOST = 200
STYLE = """
.slices th:first-child{white-space:normal;overflow-wrap:anywhere;max-width:320px;min-width:130px;color:inherit}
.apart{display:grid;grid-template-columns:1fr 1fr;min-width:110px;align-items:center}
.apart .bar{height:8px}
.few>*{color:var(--soft)!important}.few .bar{opacity:.5}.worse{color:var(--bad)}.better{color:var(--c)}
"""


@dataclass(frozen=True)
class Group:
    """A group of a slice.

    Args:
        values: what its rows have in common.
        rows: how many there are.
        metrics: metrics by name; None where one is not defined.
        harm: how much worse the primary metric is than overall; None where it is not defined.
    """

    values: Mapping[str, Any]
    rows: int
    metrics: Mapping[str, float | None]
    harm: float | None


def by_harm(label: Mapping[str, Any]) -> tuple[str, list[Group]]:
    """Return the metric by which the groups of a label's slices are compared, and the groups, the most harmed first.

    That metric is the first one that is defined overall and in any group.
    """
    overall: Mapping[str, float | None] = label["overall"]["metrics"]
    found = [group for row in label["slices"] for group in row["groups"]]
    metric = next(
        (
            name
            for name, value in in_order(label, overall)
            if value is not None and any(group["metrics"][name] is not None for group in found)
        ),
        "",
    )
    groups = [
        Group(
            row["values"], row["rows"], row["metrics"], _harm(metric, row["metrics"].get(metric), overall.get(metric))
        )
        for row in found
    ]
    return metric, sorted(groups, key=lambda group: (group.harm is None, -(group.harm or 0.0), -group.rows))


def slices_card(label: Mapping[str, Any]) -> str:
    """Return a card with the groups of all slices of a label, the most harmed first."""
    metric, groups = by_harm(label)
    if not groups:
        return ""
    overall = label["overall"]
    names = sorted(label["metrics"], key=lambda name: name != metric)
    widest = max((abs(group.harm) for group in groups if group.harm is not None), default=0.0) or 1.0
    titles = ["slice", "rows", *([f"{metric}: worse / better"] if metric else []), *names]
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    whole = "".join(f"<td>{_text(overall['metrics'][name])}</td>" for name in names)
    first = f"<tr><th><b>overall</b></th><td>{overall['rows']:,}</td>{'<td></td>' if metric else ''}{whole}</tr>"
    body = "".join(_row(group, names, overall, widest, bool(metric)) for group in groups[:_MOST])
    left = sum(row["left_out"]["groups"] for row in label["slices"]) + max(0, len(groups) - _MOST)
    more = f'<p class="soft">and {left:,} more groups</p>' if left else ""
    sorted_by = f"by how much {escape(metric)} is worse than overall" if metric else "in the order of the data"
    return (
        f'<section class="card"><h2>Slices</h2><p class="soft">sorted {sorted_by}; faint with *: fewer than {FEW} '
        'rows, which say little</p><div class="figures"><table class="slices num">'
        f"<thead><tr>{head}</tr></thead><tbody>{first}{body}</tbody></table></div>{more}</section>"
    )


def _row(group: Group, names: Sequence[str], overall: Mapping[str, Any], widest: float, bars: bool) -> str:
    said = ", ".join(f"{name} = {_value_text(value)}" for name, value in group.values.items())
    star = " *" if group.rows < FEW else ""
    share = share_text(group.rows / overall["rows"]) if overall["rows"] else ""
    cells = [f'<td title="{share} of the rows">{group.rows:,}{star}</td>']
    if bars:
        cells.append(f"<td>{_bar(group.harm, widest)}</td>")
    for name in names:
        value, whole = group.metrics[name], overall["metrics"][name]
        apart = "" if value is None or whole is None else f' title="{value - whole:+.4g} from overall"'
        cells.append(f"<td{apart}>{_text(value)}</td>")
    few = ' class="few"' if group.rows < FEW else ""
    return f"<tr{few}><th>{escape(said)}</th>{''.join(cells)}</tr>"


def _bar(harm: float | None, widest: float) -> str:
    if harm is None:
        return ""
    width = 100 * abs(harm) / widest
    side = (
        f'<div></div><div class="bar" style="width:{width:.1f}%;background:var(--c)"></div>'
        if harm < 0
        else f'<div class="bar" style="width:{width:.1f}%;background:var(--bad);justify-self:end"></div><div></div>'
    )
    return f'<div class="apart">{side}</div>'


def _harm(metric: str, value: float | None, overall: float | None) -> float | None:
    if value is None or overall is None:
        return None
    return overall - value if METRICS[metric].greater_is_better else value - overall


def _value_text(value: Any) -> str:
    return "missing" if value is None else str(value)


def _text(value: float | None) -> str:
    return '<span class="soft">none</span>' if value is None else number_text(value)
