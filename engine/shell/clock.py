"""Clock: the time, handed to whoever needs it."""

import time
from typing import Protocol


class Clock(Protocol):
    """A source of the time."""

    def now(self) -> float:
        """Tell the time: seconds since the epoch, to the millisecond."""
        ...


class SystemClock:
    """The machine's clock, never going back within a process."""

    def __init__(self) -> None:
        self._last = 0.0

    def now(self) -> float:
        """Tell the time: seconds since the epoch, to the millisecond."""
        now = round(time.time(), 3)  # noqa: TID251 - the one place that reads it
        self._last = max(self._last, now)
        return self._last
