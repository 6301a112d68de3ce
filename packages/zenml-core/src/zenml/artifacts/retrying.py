"""Retrying: what fails for a moment only is tried again, after a growing pause."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

_RESULT = TypeVar("_RESULT")
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0


def retried(
    work: Callable[[], _RESULT],
    is_transient: Callable[[BaseException], bool],
    tries: int,
    sleep: Callable[[float], None] = time.sleep,
) -> _RESULT:
    """Return what `work` returns; after a transient error it is called again, up to `tries` times in all.

    Args:
        work: it may be called several times, with the same effect as once.
        is_transient: tells errors that may pass from those that will not.
        tries: how often to call at most.
        sleep: waits so many seconds.
    """
    for number in range(1, tries + 1):
        try:
            return work()
        except Exception as error:
            if number == tries or not is_transient(error):
                raise
        pause = min(_FIRST_PAUSE * 2 ** (number - 1), _LONGEST_PAUSE)
        sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - so that many processes do not come back at once
    raise ValueError("at least one try is needed")
