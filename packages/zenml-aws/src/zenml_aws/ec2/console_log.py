"""The log of a run as far as EC2 keeps it: the consoles of its instances, one after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from zenml_aws.api_trouble import BusyError
from zenml_aws.ec2.fleet import Fleet
from zenml_aws.ec2.outcome import script_lines

_PAUSE = 5.0
_SILENT = 60
"""How often in a row EC2 may give no answer before a log is given up."""
_KNOWN = 20
"""Lines by which the place is found up to which a console was read."""


class ConsoleLog:
    """Reads what the instances of a run wrote to their consoles.

    Args:
        fleet: where they are.
        is_over: tells whether nothing more will come.
        sleep: waits so many seconds.
    """

    def __init__(self, fleet: Fleet, is_over: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> None:
        self._fleet, self._is_over, self._sleep = fleet, is_over, sleep

    def lines(self, run_id: str, *, follow: bool) -> Iterator[str]:
        """Give the lines so far; with `follow`, also those that come until the run is over."""
        read: dict[str, list[str]] = {}
        silent = 0
        while True:
            try:
                over = not follow or self._is_over()
                for instance in self._fleet.instances(run_id):
                    name = instance["InstanceId"]
                    lines = script_lines(self._fleet.console(name))
                    ended = over or instance["State"]["Name"] == "terminated"
                    whole = lines if ended else lines[:-1]  # more of the last line may come
                    yield from _new(read.get(name, []), whole if whole[-1:] != [""] else whole[:-1])
                    read[name] = whole or read.get(name, [])
                silent = 0
            except BusyError:
                silent += 1
                if not follow or silent > _SILENT:
                    raise
                over = False
            if over:
                return
            self._sleep(_PAUSE)


def _new(old: list[str], lines: list[str]) -> list[str]:
    """Return the lines that were not there before; a console forgets its oldest."""
    known = [line for line in old if line][-_KNOWN:]
    for end in range(len(lines), 0, -1):
        if known and [line for line in lines[:end] if line][-len(known) :] == known:
            return lines[end:]
    return lines
