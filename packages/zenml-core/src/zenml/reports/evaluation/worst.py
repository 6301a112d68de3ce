"""The worst rows: what was predicted most wrongly, with the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from zenml.reports.formats import number_text
from zenml.steps.evaluator.worst_rows import PREFIX

_MOST = 40
STYLE = """
.worst th,.worst td{text-align:left;padding:3px 14px 3px 0;max-width:240px;overflow:hidden;text-overflow:ellipsis}
.worst th:first-child{padding-right:14px}
"""


def worst_card(rows: Sequence[Mapping[str, Any]], label: Mapping[str, Any]) -> str:
    """Return a card with the worst rows of a label.

    Args:
        rows: the worst rows of all labels.
        label: the label, as it stands in `evaluation.json`.
    """
    own = [row for row in rows if row[f"{PREFIX}label"] == label["name"]]
    if not own:
        return ""
    loss = "error" if label["task"] == "regression" else "loss"
    names = [name for name in own[0] if not name.startswith(PREFIX)]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("row", "true", "predicted", loss, *names))
    body = "".join(_row(row, names) for row in own)
    return (
        f'<section class="card"><h2>Worst rows</h2><p class="soft">{len(own)} rows by {loss}, the worst first; rows '
        'count from 0 in the split</p><div class="figures" style="max-height:460px;overflow:auto">'
        f'<table class="worst num"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _row(row: Mapping[str, Any], names: Sequence[str]) -> str:
    loss = row[f"{PREFIX}loss"]
    cells = [
        f"<th>{row[f'{PREFIX}row']:,}</th>",
        *(_cell(_number(row[f"{PREFIX}{name}"])) for name in ("truth", "predicted")),
        f"<td>{number_text(loss) if loss != float('inf') else '∞'}</td>",
        *(_cell(_text(row[name])) for name in names),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(text: str) -> str:
    short = text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
    full = f' title="{escape(text[:400])}"' if short != text else ""
    return f"<td{full}>{escape(short) or '<i class=soft>missing</i>'}</td>"


def _number(text: str) -> str:
    """Return a text that may be a number, shorter where it is one."""
    try:
        return number_text(float(text))
    except (ValueError, OverflowError):
        return text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return number_text(value) if isinstance(value, float) and value == value else str(value)
