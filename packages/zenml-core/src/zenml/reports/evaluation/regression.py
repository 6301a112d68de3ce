"""The drawing of a regression: what was predicted against what was true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from zenml.reports.formats import number_text


def against_card(told: Mapping[str, Any] | None, name: str) -> str:
    """Return a card that shows how many rows have which prediction for which true value.

    Args:
        told: the grid, as it stands in `evaluation.json`.
        name: the label's.
    """
    if told is None:
        return ""
    size = 100 / told["cells"]
    most = math.log1p(max(told["rows"], default=1))
    squares = "".join(
        f'<rect x="{true * size:.2f}" y="{100 - (made + 1) * size:.2f}" width="{size:.2f}" height="{size:.2f}" '
        f'fill="var(--a)" fill-opacity="{0.15 + 0.85 * math.log1p(count) / most:.2f}">'
        f"<title>{count:,} rows</title></rect>"
        for true, made, count in zip(told["true"], told["predicted"], told["rows"], strict=True)
    )
    low, high = number_text(told["low"]), number_text(told["high"])
    line = '<path d="M0 100L100 0" stroke="var(--soft)" stroke-dasharray="3 4" vector-effect="non-scaling-stroke"/>'
    return (
        f'<section class="card"><h2>Predicted against true</h2><p class="soft">↑ predicted {escape(name)}</p>'
        '<div class="chart">'
        f'<div class="y num"><span>{high}</span><span>{low}</span></div><svg viewBox="0 0 100 100" role="img" '
        f'preserveAspectRatio="none" style="height:300px;outline:1px solid var(--line)" '
        f'aria-label="predicted {escape(name)} by true {escape(name)}">{line}{squares}</svg><div class="scale num">'
        f"<span>{low}</span><span>true {escape(name)}</span><span>{high}</span></div></div>"
        '<p class="soft">the darker, the more rows; what is predicted rightly lies on the dashed line</p></section>'
    )
