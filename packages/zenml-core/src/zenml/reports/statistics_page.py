"""The statistics page: every column of one or several tables, side by side, with what deserves a look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from zenml.data.anomalies import Limits, find_drift
from zenml.data.schema import LogicalType
from zenml.data.statistics.comparing import common_bins, shares_of_values
from zenml.data.statistics.summary import ColumnStatistics, TableStatistics
from zenml.reports.formats import moment_text, number_text, share_text, span_text
from zenml.reports.page import COLORS, Page, document

MISSING_SHARE = 0.2
"""Share of missing cells from which a column is pointed out."""

_VALUES = 8
_CARD, _TABLE = 330, 140
"""Pixels of a card's least width for two tables, and of each one more."""
_NUMERIC = {LogicalType.INTEGER, LogicalType.FLOAT, LogicalType.TIMESTAMP}

_FILTER = """
const box=document.getElementById('find'),only=document.getElementById('only');
function show(){const text=box.value.toLowerCase();
document.querySelectorAll('.card').forEach(card=>{card.hidden=!card.dataset.name.includes(text)||
(only.checked&&!card.dataset.warn)})}
box.oninput=only.onchange=show;
"""


def statistics_page(title: str, tables: Mapping[str, TableStatistics]) -> Page:
    """Return a page that shows every column of some tables side by side.

    Args:
        title: what the page is about.
        tables: statistics by the name of the split or version, at least one.
    """
    names = list(dict.fromkeys(column.name for table in tables.values() for column in table.columns))
    cards, warned = [], 0
    for name in names:
        found = {label: _column(table, name) for label, table in tables.items()}
        notes = _notes(found)
        warned += bool(notes)
        cards.append(_card(name, found, notes, list(tables)))
    legend = " &nbsp; ".join(
        f'<span style="white-space:nowrap"><span class="key" style="background:{COLORS[number % len(COLORS)]}"></span>'
        f'{escape(label)} <span class="soft num">{table.rows:,} rows</span></span>'
        for number, (label, table) in enumerate(tables.items())
    )
    head = (
        f'<p>{legend}</p><p class="soft">{len(names)} columns, {warned} with something to look at</p>'
        '<input id="find" placeholder="Find a column" aria-label="Find a column"> '
        '<label class="soft" style="white-space:nowrap"><input id="only" type="checkbox" style="width:auto">'
        " only those to look at</label>"
    )
    grid = f'<div class="grid" style="--card:{_CARD + _TABLE * max(0, len(tables) - 2)}px">{"".join(cards)}</div>'
    return Page(document(title, head, grid, _FILTER))


def _column(table: TableStatistics, name: str) -> ColumnStatistics | None:
    return next((column for column in table.columns if column.name == name), None)


def _notes(found: Mapping[str, ColumnStatistics | None]) -> list[str]:
    """Return what deserves a look."""
    notes = []
    there = {label: column for label, column in found.items() if column is not None}
    for label, column in found.items():
        if column is None:
            notes.append(f"not in {label}")
            continue
        cells = column.count + column.missing
        if cells and column.missing / cells >= MISSING_SHARE:
            notes.append(f"{column.missing / cells:.0%} of the cells are missing in {label}")
        if column.count and column.distinct == 1:
            notes.append(f"one value only in {label}")
        if column.numbers and column.numbers.infinite:
            notes.append(f"{column.numbers.infinite:,} infinities in {label}")
    labels = list(there)
    for label in labels[1:]:
        first, other = there[labels[0]], there[label]
        if first.type == other.type:
            pair = f" ({labels[0]}, {label})" if len(found) > 2 else ""
            notes += [f"{row.what}{pair}" for row in find_drift(other, first, Limits())]
    return notes


def _card(name: str, found: Mapping[str, ColumnStatistics | None], notes: Sequence[str], labels: list[str]) -> str:
    there = {label: column for label, column in found.items() if column is not None}
    kind = next(iter(there.values())).type
    colors = {label: COLORS[number % len(COLORS)] for number, label in enumerate(labels)}
    numeric = kind.element in _NUMERIC and any(column.numbers for column in there.values())
    drawing = _histogram(there, colors) if numeric else _values(there, colors)
    warnings = "".join(f'<p class="warn">{escape(note)}</p>' for note in notes)
    marks = f'data-name="{escape(name.lower())}"' + (' data-warn="1"' if notes else "")
    return (
        f'<section class="card" {marks}><h2>{escape(name)}<span class="chip">{escape(str(kind))}</span></h2>'
        f"{warnings}{drawing}{_figures(there, numeric)}</section>"
    )


def _histogram(columns: Mapping[str, ColumnStatistics], colors: Mapping[str, str]) -> str:
    bins = common_bins(list(columns.values()))
    if bins is None:
        return ""
    shares, low, high = bins
    text, _ = _texts(columns)
    top = max(max(row) for row in shares) or 1.0
    paths = []
    for label, row in zip(columns, shares, strict=True):
        width = 240 / len(row)
        steps = "".join(f"V{90 - 86 * share / top:.1f}h{width:.2f}" for share in row)
        look = f'fill="{colors[label]}" fill-opacity=".35" stroke="{colors[label]}"'
        paths.append(f'<path d="M0 90{steps}V90Z" {look} vector-effect="non-scaling-stroke"/>')
    return (
        f'<svg viewBox="0 0 240 91" preserveAspectRatio="none" role="img" aria-label="histogram">{"".join(paths)}</svg>'
        f'<div class="scale num"><span>{text(low)}</span><span>{text(high)}</span></div>'
    )


def _values(columns: Mapping[str, ColumnStatistics], colors: Mapping[str, str]) -> str:
    shares = shares_of_values(list(columns.values()))
    if not shares:
        too_many = shares is None and any(column.type.element is LogicalType.STRING for column in columns.values())
        return '<p class="soft">too many values to count each</p>' if too_many else ""
    if all(column.top and column.top[0][1] == 1 for column in columns.values()) and len(shares) > _VALUES:
        return '<p class="soft">each value occurs once</p>'
    top = max(max(row) for row in shares.values()) or 1.0
    rows = []
    for value, row in list(shares.items())[:_VALUES]:
        bars = "".join(
            f'<div class="bar" style="width:{100 * share / top:.1f}%;background:{colors[label]}"></div>'
            for label, share in zip(columns, row, strict=True)
        )
        percent = escape(" / ".join(map(share_text, row)))
        rows.append(
            f'<tr><th title="{escape(value)}">{escape(value[:40]) or "(empty)"}</th>'
            f'<td style="width:45%">{bars}</td><td class="num">{percent}</td></tr>'
        )
    more = max(*(column.distinct for column in columns.values()), len(shares)) - _VALUES
    tail = f'<p class="soft">and {more:,} more</p>' if more > 0 else ""
    return f"<table>{''.join(rows)}</table>{tail}"


def _figures(columns: Mapping[str, ColumnStatistics], numeric: bool) -> str:
    rows: list[tuple[str, list[str]]] = [
        ("values", [f"{column.count:,}" for column in columns.values()]),
        ("missing", [_missing(column) for column in columns.values()]),
        ("distinct", [("" if c.distinct_exact else "≈ ") + f"{c.distinct:,}" for c in columns.values()]),
    ]
    if any(column.lists for column in columns.values()):
        lists = [column.lists for column in columns.values()]
        rows += [
            ("list lengths", [f"{row.min}–{row.max}" if row else "" for row in lists]),  # noqa: RUF001 - a range
            ("mean length", [number_text(row.mean) if row else "" for row in lists]),
            ("in lists", [f"{row.values:,}" if row else "" for row in lists]),
            ("missing in lists", [f"{row.missing:,}" if row else "" for row in lists]),
        ]
    if numeric:
        numbers = [column.numbers for column in columns.values()]
        text, spread = _texts(columns)
        rows += [
            ("mean", [text(row.mean) if row else "" for row in numbers]),
            ("std", [spread(row.std) if row and row.std is not None else "" for row in numbers]),
            ("median", [text(row.quantiles["0.5"]) if row and "0.5" in row.quantiles else "" for row in numbers]),
        ]
    elif any(column.lengths for column in columns.values()):
        rows.append(
            ("length", [f"{c.lengths.min}–{c.lengths.max}" if c.lengths else "" for c in columns.values()])  # noqa: RUF001 - a range
        )
    head = "".join(f"<th>{escape(label)}</th>" for label in columns) if len(columns) > 1 else ""
    body = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td class=num>{escape(cell)}</td>' for cell in cells)}</tr>"
        for name, cells in rows
    )
    head = f"<thead><tr><th></th>{head}</tr></thead>" if head else ""
    return f'<div class="figures"><table>{head}{body}</table></div>'


def _missing(column: ColumnStatistics) -> str:
    cells = column.count + column.missing
    return f"{column.missing:,} ({column.missing / cells:.1%})" if cells and column.missing else f"{column.missing:,}"


def _texts(columns: Mapping[str, ColumnStatistics]) -> tuple[Callable[[float], str], Callable[[float], str]]:
    """Return how to write the values of a numeric column, and how their spread."""
    if all(column.type.element is LogicalType.TIMESTAMP for column in columns.values()):
        return moment_text, span_text
    return number_text, number_text
