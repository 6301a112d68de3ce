"""A process that measures one framework: `python -m benchmarks.training_pairs FRAMEWORK FOLDER ROUNDS SIZE…`.

It prints one line of JSON: per batch size and bare way how much longer an epoch of ours takes, and how much one epoch
of the bare way differs from another; and per batch size how long the first batch takes.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.training_loops import Firsts, Loops, Work


def main() -> None:
    """Measure."""
    framework, name, rounds, *sizes = sys.argv[1:]
    module: Any = importlib.import_module(f"benchmarks.training_{framework}")
    folder = Path(name)
    first = {size: _firsts(module.firsts(folder, int(size)), int(rounds)) for size in sizes}
    pairs = {size: _pairs(module.loops(folder, int(size)), int(rounds)) for size in sizes}
    print(json.dumps({"first": first, "pairs": pairs}))


def _pairs(loops: Loops, rounds: int) -> dict[str, dict[str, float]]:
    """Return per bare way the median ratio of ours to it, and the least and the greatest of itself to itself.

    In a round ours comes in the middle and the two of each bare way lie around it, so that a machine that becomes
    slower or faster meanwhile does not count. Where it stops for moments, as one does that others share, the ratio of
    the processor times, `work`, tells more.
    """
    before = [bare.works[0] for bare in loops.bare.values()]
    works = [*before, loops.ours, *(bare.works[1] for bare in reversed(loops.bare.values()))]
    ratios: dict[str, list[float]] = {name: [] for name in loops.bare}
    work: dict[str, list[float]] = {name: [] for name in loops.bare}
    spread: dict[str, list[float]] = {name: [] for name in loops.bare}
    speeds = []
    for number in range(rounds + 1):
        measured = [_measured(each) for each in works]
        if number == 0:  # compiling, and memory that is touched for the first time
            continue
        wall, busy = measured[len(before)]
        speeds.append(wall)
        for place, (name, bare) in enumerate(loops.bare.items()):
            one, other = measured[place], measured[-1 - place]
            ratios[name].append(2 * wall * bare.share / (one[0] + other[0]))
            work[name].append(2 * busy * bare.share / (one[1] + other[1]))
            spread[name].append(one[0] / other[0])
    epoch = statistics.median(speeds)
    return {
        name: {
            "ratio": statistics.median(ratios[name]),
            "work": statistics.median(work[name]),
            "low": min(row),
            "high": max(row),
            "epoch": epoch,
        }
        for name, row in spread.items()
    }


def _firsts(firsts: Firsts, rounds: int) -> dict[str, float]:
    """Return the median seconds to the first batch, of ours and bare."""
    taken: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(rounds + 1):
        for name in taken:
            work: Work = getattr(firsts, name)
            found, _ = _measured(work)
            time.sleep(0.5)  # what reads ahead goes on for a moment
            if number:
                taken[name].append(found)
    return {name: statistics.median(row) for name, row in taken.items()}


def _measured(work: Work) -> tuple[float, float]:
    """Return how many seconds something took, and how many of all processors together."""
    began, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - busy


if __name__ == "__main__":
    main()
