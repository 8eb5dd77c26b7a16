"""Timers: actions at their time on a given clock, for any number of them one sleeper at a time or few."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time as the composition wants it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when that much time has passed."""
        ...


class Timers:
    """Calls actions when they are due, in order of time, then of asking.

    One task sleeps until the earliest; an earlier one asked for later gets a sleeper of its own. Nobody
    else waits for these tasks, so ``close`` does.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._sleepers: dict[float, asyncio.Task[None]] = {}

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Call the action at that moment (seconds since the epoch), or soon if it is past."""
        heapq.heappush(self._due, (moment, next(self._order), action))
        self._sleep_until_next()

    def _sleep_until_next(self) -> None:
        if self._due and self._due[0][0] not in self._sleepers:
            moment = self._due[0][0]
            loop = asyncio.get_running_loop()
            self._sleepers[moment] = loop.create_task(self._sleep(moment), name=f"timers until {moment}")

    async def _sleep(self, moment: float) -> None:
        await self._clock.sleep(max(0.0, moment - self._clock.now()))
        del self._sleepers[moment]
        while self._due and self._due[0][0] <= max(moment, self._clock.now()):
            heapq.heappop(self._due)[2]()
        self._sleep_until_next()

    async def close(self) -> None:
        """Forget all actions and end the sleepers."""
        self._due.clear()
        sleepers = list(self._sleepers.values())
        self._sleepers.clear()
        for sleeper in sleepers:
            sleeper.cancel()
        if sleepers:
            await asyncio.wait(sleepers)
