"""The comparison page: metrics of runs over time, what differs between them, and all of them in one table."""

from __future__ import annotations

import math
from collections import Counter
from html import escape

from zenml.reports.comparison import ComparedRun, Comparison, short_text, value_text
from zenml.reports.formats import moment_text, number_text
from zenml.reports.page import COLORS, Page, document
from zenml.runtime.console import duration_text

_SIDE_BY_SIDE = 4
"""Up to so many runs stand beside each other in the table of what differs; of more, the values are counted."""

_BARS = 6
"""Up to so many runs have a bar and a figure each for a metric; more have a point."""

_VALUES = 6
_NOT_GIVEN = '<i class="soft">not given</i>'
_STYLE = """<style>
.wide{overflow-x:auto;margin-top:8px}.wide table{margin:0}
.runs th,.runs td{text-align:left;padding:4px 14px 4px 0;max-width:260px;overflow:hidden;text-overflow:ellipsis}
.runs thead th{color:var(--soft);cursor:pointer;white-space:nowrap}
.runs th:first-child{position:sticky;left:0;background:var(--paper);max-width:none;color:inherit}
.runs thead th:first-child{color:var(--soft)}.best{font-weight:600;color:var(--c)}
.runs tbody tr:hover>*{background:var(--ground)}.runs tr[hidden]{display:none}
.sort{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}
.diff th:first-child{white-space:normal;overflow-wrap:anywhere;min-width:130px;max-width:300px}
.diff th,.diff td{vertical-align:top}
.diff thead th,.diff td{white-space:normal;overflow-wrap:anywhere;min-width:90px;max-width:none}
.value{display:inline-block;margin-right:14px}
.stack{display:grid;gap:14px}.bad{color:var(--bad)}
.plot{height:130px}.plot circle{cursor:default}summary{cursor:pointer;font-weight:600;font-size:15px}
</style>"""

_SCRIPT = """
const box=document.getElementById('find'),body=document.querySelector('#runs tbody');
const rows=[...body.rows];
box.oninput=()=>{const text=box.value.toLowerCase();
rows.forEach(row=>{row.hidden=!row.textContent.toLowerCase().includes(text)})};
let last=-1,down=false;
document.querySelectorAll('.sort').forEach((button,column)=>{button.onclick=()=>{
down=last===column?!down:false;last=column;
const key=row=>row.cells[column].dataset.key??row.cells[column].textContent;
rows.sort((a,b)=>{const x=key(a),y=key(b),n=x-y;
if(x===''||y==='')return(x==='')-(y==='');
return(down?-1:1)*(Number.isNaN(n)?x.localeCompare(y):n)});body.append(...rows);
document.querySelectorAll('#runs thead th').forEach((cell,number)=>{
if(number===column)cell.setAttribute('aria-sort',down?'descending':'ascending');
else cell.removeAttribute('aria-sort')})}});
"""


def comparison_page(title: str, runs: Comparison) -> Page:
    """Return a page that compares runs.

    Args:
        title: what the page is about.
        runs: the runs, newest first.
    """
    names = list(dict.fromkeys(run.pipeline for run in runs))
    colors = {name: COLORS[number % len(COLORS)] for number, name in enumerate(names)}
    legend = " &nbsp; ".join(
        f'<span style="white-space:nowrap"><span class="key" style="background:{color}"></span>{escape(name)} '
        f'<span class="soft num">{sum(run.pipeline == name for run in runs)}</span></span>'
        for name, color in colors.items()
    )
    counted = f"{len(runs):,} run{'' if len(runs) == 1 else 's'}, {len(runs.differing):,} differences"
    head = (
        f'{_STYLE}<p>{legend}</p><p class="soft">{counted}</p>'
        '<input id="find" placeholder="Find a run" aria-label="Find a run">'
    )
    plots = "".join(_metric(runs, metric, colors) for metric in runs.metrics)
    grid = f'<div class="grid">{plots}</div>' if plots else ""
    body = f'<div class="stack">{grid}{_differences(runs)}{_table(runs)}{_same(runs)}</div>'
    return Page(document(title, head, body, _SCRIPT))


def _metric(runs: Comparison, metric: str, colors: dict[str, str]) -> str:
    """Return a card with a point for each run, the oldest on the left."""
    having = [run for run in reversed(runs.runs) if math.isfinite(run.metrics.get(metric, math.nan))]
    if not having:
        return ""
    values = [run.metrics[metric] for run in having]
    if len(having) <= _BARS:
        return _bars(metric, having[::-1], runs.best(metric), colors)
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    best = runs.best(metric)
    radius = 5 if len(having) <= 20 else 3
    points = []
    for place, (run, value) in enumerate(zip(having, values, strict=True)):
        x = 3 + 94 * place / (len(having) - 1)
        y = 92 - 84 * (value - low) / span if high > low else 50.0
        ring = ' stroke="var(--ink)" stroke-width="2"' if best and run.id == best.id else ""
        tip = escape(f"{run.id} · {run.pipeline} · {value:.6g}")
        points.append(
            f'<circle cx="{x:.2f}%" cy="{y:.1f}%" r="{radius}" fill="{colors[run.pipeline]}" fill-opacity=".8"{ring}>'
            f"<title>{tip}</title></circle>"
        )
    told = f"best {number_text(best.metrics[metric])} by {escape(best.id)}" if best else ""
    return (
        f'<section class="card"><h2>{escape(metric)}</h2><svg class="plot" role="img" '
        f'aria-label="{escape(metric)} of each run">{"".join(points)}</svg>'
        f'<div class="scale num"><span>{number_text(low)} to {number_text(high)}</span>'
        "<span>oldest → newest</span></div>"
        f'<p class="soft num" style="overflow-wrap:anywhere">{told}</p></section>'
    )


def _bars(metric: str, having: list[ComparedRun], best: ComparedRun | None, colors: dict[str, str]) -> str:
    """Return a card with a bar for each run, which begins at 0 unless a value is negative."""
    values = [run.metrics[metric] for run in having]
    low, top = min(0.0, *values), max(0.0, *values)
    rows = []
    for run, value in zip(having, values, strict=True):
        width = 100 * (value - low) / ((top - low) or 1.0)
        look = "num best" if best and run.id == best.id and len(having) > 1 else "num"
        rows.append(
            f'<tr><th title="{escape(run.pipeline)}" style="max-width:none">{escape(run.id)}</th><td style="width:40%">'
            f'<div class="bar" style="width:{width:.1f}%;background:{colors[run.pipeline]}"></div></td>'
            f'<td class="{look}">{number_text(value)}</td></tr>'
        )
    return f'<section class="card"><h2>{escape(metric)}</h2><table>{"".join(rows)}</table></section>'


def _differences(runs: Comparison) -> str:
    if not runs.differing:
        told = "The runs were given the same." if len(runs) > 1 else "There is nothing to compare with."
        return f'<section class="card"><h2>What differs</h2><p class="soft">{told}</p></section>'
    if len(runs) <= _SIDE_BY_SIDE:
        head = "".join(f"<th>{escape(run.id)}</th>" for run in runs)
        rows = [(name, "".join(_cell(value) for value in runs.values(name))) for name in runs.differing]
    else:
        head = "<th>values, and how many runs have each</th>"
        rows = [(name, f"<td>{_counted(runs, name)}</td>") for name in runs.differing]
    body = "".join(f"<tr><th>{escape(name).replace('.', '.<wbr>')}</th>{cells}</tr>" for name, cells in rows)
    return (
        '<section class="card"><h2>What differs</h2><div class="wide"><table class="runs diff">'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _counted(runs: Comparison, name: str) -> str:
    counts = Counter(short_text(value) for value in runs.values(name))
    chips = [
        f'<span class="value">{escape(text) or _NOT_GIVEN}<span class="chip num">{count}</span></span>'
        for text, count in counts.most_common(_VALUES)
    ]
    more = len(counts) - _VALUES
    return "".join([*chips, *([f'<span class="soft">and {more} more</span>'] if more > 0 else [])])


def _cell(value: object) -> str:
    full = value_text(value)
    return f'<td title="{escape(full)}">{escape(short_text(value)) if full else _NOT_GIVEN}</td>'


def _table(runs: Comparison) -> str:
    best = {metric: run.id for metric in runs.metrics if (run := runs.best(metric)) and len(runs) > 1}
    titles = ["run", "pipeline", "state", "started", "took", *runs.metrics, *runs.differing]
    head = "".join(f'<th><button class="sort">{escape(title)}</button></th>' for title in titles)
    body = "".join(f"<tr>{_row(run, runs, best)}</tr>" for run in runs)
    return (
        '<section class="card"><h2>Runs</h2><div class="wide"><table class="runs" id="runs">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _row(run: ComparedRun, runs: Comparison, best: dict[str, str]) -> str:
    bad = ' class="bad"' if run.state in ("FAILED", "LOST") else ""
    started = moment_text(run.started * 1e6) if run.started else ""
    took = duration_text(run.duration)
    cells = [
        f'<th class="num">{escape(run.id)}</th><td>{escape(run.pipeline)}</td><td{bad}>{run.state}</td>',
        f'<td class="num" data-key="{run.started or ""}">{started}</td>',
        f'<td class="num" data-key="{"" if run.duration is None else run.duration}">{took}</td>',
    ]
    for metric in runs.metrics:
        value = run.metrics.get(metric)
        look = "num best" if best.get(metric) == run.id else "num"
        key = "" if value is None else repr(value)
        cells.append(f'<td class="{look}" data-key="{key}">{"" if value is None else number_text(value)}</td>')
    return "".join(cells) + "".join(_cell(run.parameters.get(name)) for name in runs.differing)


def _same(runs: Comparison) -> str:
    same = [name for name in runs.parameters if name not in runs.differing]
    if not same or len(runs) < 2:
        return ""
    rows = "".join(f"<tr><th>{escape(name)}</th>{_cell(runs.values(name)[0])}</tr>" for name in same)
    return (
        f'<section class="card"><details><summary>The same in all: {len(same)}</summary>'
        f'<div class="wide"><table class="runs diff"><tbody>{rows}</tbody></table></div></details></section>'
    )
