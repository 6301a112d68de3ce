"""The curves of a classification: ROC, precision and recall, thresholds, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zenml.reports.evaluation.drawing import Line, chart
from zenml.reports.formats import number_text

Curves = Sequence[Mapping[str, Any]]


def curve_cards(curves: Curves, classes: int) -> str:
    """Return cards with the curves of some classes, each against the rest.

    Args:
        curves: as they stand in `evaluation.json`.
        classes: how many classes the label has.
    """
    drawn = [row for row in curves if row["positives"] and row["negatives"]]
    if not drawn:
        return ""
    several = classes > 2
    note = f"{len(drawn)} of {classes} classes, those with most rows" if several and len(drawn) < classes else ""
    cards = [_roc(drawn, several, note), _precision_recall(drawn, several, note)]
    if all("thresholds" in row for row in drawn):
        cards += [_f1(drawn, note) if several else _thresholds(drawn[0]), _calibration(drawn, several, note)]
    return "".join(cards)


def _roc(curves: Curves, several: bool, note: str) -> str:
    lines = []
    for number, row in enumerate(curves):
        hits, misses = _ranks(row)
        ups = zip((n / row["negatives"] for n in misses), (n / row["positives"] for n in hits), strict=True)
        lines.append(Line([(0.0, 0.0), *ups], _name(row) if several else "", number))
    return chart("ROC curve", lines, x="false positive rate", y="true positive rate", diagonal=True, note=note)


def _precision_recall(curves: Curves, several: bool, note: str) -> str:
    lines = []
    for number, row in enumerate(curves):
        hits, misses = _ranks(row)
        points = [
            (hit / row["positives"], hit / (hit + miss)) for hit, miss in zip(hits, misses, strict=True) if hit + miss
        ]
        lines.append(Line(points, _name(row) if several else "", number))
    base = [row["positives"] / (row["positives"] + row["negatives"]) for row in curves]
    told = note or ("" if several else f"guessing gives a precision of {number_text(base[0])}")
    return chart("Precision and recall", lines, x="recall", y="precision", note=told)


def _thresholds(row: Mapping[str, Any]) -> str:
    figures = _by_threshold(row)
    best = max(figures, key=lambda at: at[3])
    lines = [
        Line([(threshold, values[place]) for threshold, *values in figures], name, place)
        for place, name in enumerate(("precision", "recall", "F1"))
    ]
    x = 100 * best[0]
    mark = f'<path d="M{x:.1f} 0V100" stroke="var(--soft)" stroke-dasharray="3 4" vector-effect="non-scaling-stroke"/>'
    note = f"F1 is highest, {number_text(best[3])}, at a threshold of {best[0]:g}"
    return chart("Thresholds", lines, x="threshold", y="precision, recall, F1", note=note, mark=mark)


def _f1(curves: Curves, note: str) -> str:
    lines = [
        Line([(row[0], row[3]) for row in _by_threshold(curve)], _name(curve), number)
        for number, curve in enumerate(curves)
    ]
    return chart("Thresholds", lines, x="threshold", y="F1", note=note)


def _calibration(curves: Curves, several: bool, note: str) -> str:
    lines, away, rows = [], 0.0, 0
    for number, row in enumerate(curves):
        told = row["calibration"]
        bins = [
            (mean, positive / count, count)
            for count, positive, mean in zip(told["rows"], told["positives"], told["mean_probability"], strict=True)
            if count
        ]
        away += sum(count * abs(mean - share) for mean, share, count in bins)
        rows += sum(count for *_, count in bins)
        dots = [f"{count:,} rows: said {mean:.3f}, true of {share:.3f}" for mean, share, count in bins]
        lines.append(Line([bin_[:2] for bin_ in bins], _name(row) if several else "", number, dots))
    told_away = f"probabilities are wrong by {number_text(away / rows)} on average; ten ranges of equal width"
    return chart(
        "Calibration", lines, x="predicted probability", y="share that is true", diagonal=True, note=note or told_away
    )


def _by_threshold(row: Mapping[str, Any]) -> list[tuple[float, float, float, float]]:
    """Return threshold, precision, recall and F1, as long as any row is predicted positive."""
    found = []
    columns = (row["thresholds"][name] for name in ("threshold", "true_positives", "false_positives"))
    for threshold, hit, miss in zip(*columns, strict=True):
        if hit + miss:
            found.append(
                (threshold, hit / (hit + miss), hit / row["positives"], 2 * hit / (hit + miss + row["positives"]))
            )
    return found


def _ranks(row: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    return row["ranking"]["true_positives"], row["ranking"]["false_positives"]


def _name(row: Mapping[str, Any]) -> str:
    return str(row["class"])
