"""Loop: an event loop whose time jumps to the next timer when there is nothing else to do.

Production code runs on it unchanged. Two runs of the same seed do the same things in the same order: there is one
thread, nothing waits for the outside, and what asyncio keeps in sets is hashed by number instead of by address.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Coroutine
from selectors import SelectorKey, SelectSelector
from typing import Any, TypeVar

EPOCH = 1_700_000_000.0

Result = TypeVar("Result")


class Deadlock(Exception):
    """Everything waits, and nothing will ever happen again."""


class _Jumps(SelectSelector):
    """Instead of waiting for the outside, lets that much time have passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is None:
            raise Deadlock(f"nothing can happen any more at {self.now:.3f} s")
        if timeout > 0:
            self.now += timeout
        return []


class _Counted(asyncio.Task[Any]):
    """A task whose place in a set is its number, not its address: task groups cancel in the order of a set."""

    numbers = itertools.count()

    def __init__(self, coroutine: Coroutine[Any, Any, Any], *, loop: asyncio.AbstractEventLoop, **kept: Any) -> None:
        self.number = next(self.numbers)
        super().__init__(coroutine, loop=loop, **kept)

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in its own time, which begins at 0."""

    def __init__(self) -> None:
        self._jumps = _Jumps()
        super().__init__(self._jumps)
        _Counted.numbers = itertools.count()
        self.set_task_factory(lambda loop, coroutine, **kept: _Counted(coroutine, loop=loop, **kept))

    def time(self) -> float:
        """Tell the virtual time: seconds."""
        return self._jumps.now


class VirtualClock:
    """The loop's time as the wall clock of engines and agents, to the millisecond."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._time = loop.time

    def now(self) -> float:
        """Tell the time: seconds since the epoch."""
        return round(EPOCH + self._time(), 3)

    async def sleep(self, seconds: float) -> None:
        """Return when that much time has passed."""
        await asyncio.sleep(seconds)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run something to its end in virtual time.

    Cycles are not collected meanwhile: when that happens depends on everything else in the process.
    """
    loop = VirtualLoop()
    gc.disable()
    try:
        return loop.run_until_complete(main)
    finally:
        gc.enable()
        loop.close()
