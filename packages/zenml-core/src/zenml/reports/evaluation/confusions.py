"""Confusions: which classes are taken for which, and how good the model is at each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from zenml.reports.formats import number_text, share_text

_MOST_CELLS = 16
_MOST_PAIRS = 15
STYLE = """
.matrix td{padding:7px 10px;text-align:center;min-width:52px;background:color-mix(in srgb,var(--hue) var(--part),
transparent)}.matrix th,.matrix thead th{text-align:center;font-weight:400;color:var(--soft);max-width:110px;
overflow:hidden;text-overflow:ellipsis;padding:4px 8px}.matrix th:first-child{text-align:right;max-width:140px}
.matrix{width:auto;border-spacing:2px;border-collapse:separate}
"""


def confusion_card(label: Mapping[str, Any]) -> str:
    """Return a card with the confusion matrix of a label; of many classes, with what is confused most."""
    classes = [str(value) for value in label["classes"]]
    told = label["confusion"]
    unknown = told.get("unknown")
    if "matrix" in told and len(classes) <= _MOST_CELLS:
        rows = [(name, row) for name, row in zip(classes, told["matrix"], strict=True)]
        if unknown:
            rows.append(("(not known)", unknown))
        return (
            '<section class="card"><h2>Confusion matrix</h2><p class="soft">each row is a true class, each column what '
            'was predicted; shares are of the row</p><div class="figures"><table class="matrix num">'
            f"<thead><tr><th></th>{''.join(f'<th>{escape(name)}</th>' for name in classes)}</tr></thead>"
            f"<tbody>{''.join(_row(number, *row) for number, row in enumerate(rows))}</tbody></table></div></section>"
        )
    pairs = told.get("largest") or sorted(
        (
            [true, made, n]
            for true, row in enumerate(told["matrix"])
            for made, n in enumerate(row)
            if true != made and n
        ),
        key=lambda pair: -pair[2],
    )
    body = "".join(
        f'<tr><th title="{escape(classes[true])}">{escape(classes[true])}</th><td style="text-align:left">'
        f'{escape(classes[made])}</td><td class="num">{count:,}</td></tr>'
        for true, made, count in pairs[:_MOST_PAIRS]
    )
    return (
        '<section class="card"><h2>Most frequent confusions</h2><div class="figures"><table><thead><tr><th>true</th>'
        f'<th style="text-align:left">predicted</th><th>rows</th></tr></thead><tbody>{body}</tbody></table></div>'
        "</section>"
    )


def class_card(label: Mapping[str, Any]) -> str:
    """Return a card with precision, recall and F1 of each class, the worst F1 first."""
    rows: Sequence[Mapping[str, Any]] = sorted(label["by_class"], key=lambda row: (row["f1"] is not None, row["f1"]))
    areas = any(row.get("roc_auc") is not None for row in rows)
    names = ["precision", "recall", "f1", *(["roc_auc"] if areas else [])]
    body = "".join(
        f'<tr><th title="{escape(str(row["class"]))}">{escape(str(row["class"]))}</th><td>{row["true"]:,}</td>'
        f"<td>{row['predicted']:,}</td>{''.join(f'<td>{_value(row[name])}</td>' for name in names)}</tr>"
        for row in rows
    )
    head = "".join(f"<th>{name}</th>" for name in ("class", "rows", "predicted", *names))
    return (
        '<section class="card"><h2>Classes</h2><div class="figures" style="max-height:420px;overflow-y:auto">'
        f'<table class="num"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _row(number: int, name: str, counts: Sequence[int]) -> str:
    whole = sum(counts) or 1
    cells = []
    for place, count in enumerate(counts):
        hue = "var(--c)" if place == number else "var(--b)"
        share = count / whole
        part = f"{70 * share:.0f}%" if count else "0%"
        cells.append(
            f'<td style="--hue:{hue};--part:{part}">{count:,}<br><span class="soft">{share_text(share)}</span></td>'
        )
    return f'<tr><th title="{escape(name)}">{escape(name)}</th>{"".join(cells)}</tr>'


def _value(value: float | None) -> str:
    return '<span class="soft">none</span>' if value is None else number_text(value)
