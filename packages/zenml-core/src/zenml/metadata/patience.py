"""Patience: how long to try again, and how to space the tries."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

_FIRST, _LONGEST = 0.05, 3.0


class Patience:
    """Waits between tries, longer each time, with some chance in it so that many processes do not come back at once.

    Args:
        seconds: how long to go on altogether.
        clock: seconds, never set back.
        sleep: waits.
    """

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + seconds
        self._pause = _FIRST

    def wait(self) -> bool:
        """Wait before another try; say False, at once, when the time is over."""
        left = self._end - self._clock()
        if left <= 0:
            return False
        self._sleep(min(left, self._pause * random.uniform(0.5, 1.5)))  # noqa: S311 - spreads load, hides nothing
        self._pause = min(_LONGEST, self._pause * 2)
        return True
