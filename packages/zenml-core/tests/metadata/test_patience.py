from __future__ import annotations

from zenml.metadata.patience import Patience


class Clock:
    """A clock that stands still but for what is slept."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_waits_grow_and_end_with_the_time_given() -> None:
    clock = Clock()
    patience = Patience(20.0, lambda: clock.now, clock.sleep)
    while patience.wait():
        pass
    assert abs(sum(clock.slept) - 20.0) < 1e-6
    assert clock.slept[0] < 0.1
    assert max(clock.slept) <= 4.5
    assert len(clock.slept) > 8


def test_no_time_is_no_second_try() -> None:
    clock = Clock()
    assert not Patience(0.0, lambda: clock.now, clock.sleep).wait()
    assert clock.slept == []
