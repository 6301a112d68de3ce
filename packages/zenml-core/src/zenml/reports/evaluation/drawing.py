"""Drawing: line charts over the unit square, and the colours and dashes of their lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from zenml.reports.page import COLORS

STYLE = """
.chart{display:grid;grid-template-columns:auto 1fr;gap:3px 8px;margin-top:8px}
.chart svg{height:210px;margin:0;overflow:visible}.chart .y{display:flex;flex-direction:column;text-align:right;
justify-content:space-between;color:var(--soft);font-size:12px;min-width:1.6em}
.chart .scale{grid-column:2}.legend{display:flex;flex-wrap:wrap;gap:2px 14px;margin-top:6px;font-size:13px}
.line{display:inline-block;width:18px;height:0;border-top:2px solid;vertical-align:middle;margin-right:5px}
"""
_DASHES = ("", "6 3", "2 3")
_BORDERS = ("solid", "dashed", "dotted")


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Args:
        points: x and y, from 0 to 1, in order.
        label: what the legend calls it.
        dots: draw the points too, each with its text.
        number: which colour and dash it has.
    """

    points: Sequence[tuple[float, float]]
    label: str
    number: int = 0
    dots: Sequence[str] = ()


def chart(
    title: str,
    lines: Iterable[Line],
    *,
    x: str,
    y: str,
    diagonal: bool = False,
    note: str = "",
    mark: str = "",
    x_ends: tuple[str, str] = ("0", "1"),
    y_marks: tuple[str, str, str] = ("1", "0.5", "0"),
) -> str:
    """Return a card with a chart.

    Args:
        title: above it.
        lines: the lines.
        x: what goes to the right.
        y: what goes up.
        diagonal: draw what chance, or perfection, gives.
        note: a sentence below it.
        mark: further SVG in a square of 100 by 100.
        x_ends: what 0 and 1 stand for, to the right.
        y_marks: what 1, 0.5 and 0 stand for, upwards.
    """
    drawn = list(lines)
    fine = 'vector-effect="non-scaling-stroke"'
    grid = "".join(f'<path d="M0 {at}H100M{at} 0V100" stroke="var(--line)" {fine}/>' for at in (0, 25, 50, 75, 100))
    if diagonal:
        grid += f'<path d="M0 100L100 0" stroke="var(--soft)" stroke-dasharray="3 4" {fine}/>'
    paths = "".join(_path(line) for line in drawn)
    legend = "".join(f"<span>{key(line.number)}{escape(line.label)}</span>" for line in drawn if line.label)
    legend = f'<div class="legend">{legend}</div>' if legend else ""
    told = f'<p class="soft">{escape(note)}</p>' if note else ""
    marks = "".join(f"<span>{escape(text)}</span>" for text in y_marks)
    left, right = map(escape, x_ends)
    return (
        f'<section class="card"><h2>{escape(title)}</h2><p class="soft">↑ {escape(y)}</p><div class="chart">'
        f'<div class="y num">{marks}</div>'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" fill="none" '
        f'aria-label="{escape(title)}: {escape(y)} by {escape(x)}">{grid}{mark}{paths}</svg>'
        f'<div class="scale num"><span>{left}</span><span>{escape(x)}</span><span>{right}</span></div></div>'
        f"{legend}{told}</section>"
    )


def key(number: int) -> str:
    """Return the sample of a line for a legend."""
    border = _BORDERS[number // len(COLORS) % len(_BORDERS)]
    return f'<span class="line" style="border-top-color:{color(number)};border-top-style:{border}"></span>'


def color(number: int) -> str:
    """Return the colour of the line of a number."""
    return COLORS[number % len(COLORS)]


def _path(line: Line) -> str:
    if not line.points:
        return ""
    spots = [(100 * x, 100 - 100 * y) for x, y in line.points]
    dash = _DASHES[line.number // len(COLORS) % len(_DASHES)]
    look = f'stroke="{color(line.number)}" stroke-width="2" vector-effect="non-scaling-stroke" stroke-linejoin="round"'
    look += f' stroke-dasharray="{dash}"' if dash else ""
    path = f'<path d="M{"L".join(f"{x:.2f} {y:.2f}" for x, y in spots)}" {look}/>'
    dot = f'stroke="{color(line.number)}" stroke-width="9" stroke-linecap="round" vector-effect="non-scaling-stroke"'
    return path + "".join(
        f'<path d="M{x:.2f} {y:.2f}h.001" {dot}><title>{escape(text)}</title></path>'
        for (x, y), text in zip(spots, line.dots, strict=False)
    )
