"""Docker play: what each contender is put through, and what is measured of it.

Contenders are the floor (the raw Engine API), Docker Swarm and Quarterdeck; each has the same containers made.
What counts as started and stopped is each one's own affair, as its module says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from functools import partial
from operator import ge, le
from typing import Protocol

import msgspec

from benchmarks.docker_daemon import COMPLETED, STARTED, STOPPED, Seen

KILLS = 4
KILL_PAUSE_SECONDS = 0.5
SCALE_PAUSE_SECONDS = 2.0
"""So that the daemon has taken away what is left of containers that ended."""
MANY, FEW, SOME = 50, 10, 20
MARKS = (10, 25, 50)
ROLLED_AT_ONCE = 5
STEP_SECONDS_MAX = 60.0


class Contender(Protocol):
    """Keeps a number of containers running, and notes what it sees of them."""

    seen: Seen

    async def create(self, count: int) -> None:
        """Begin a service with so many."""
        ...

    async def scale(self, count: int) -> None:
        """Have so many from now on."""
        ...

    async def kill(self) -> None:
        """Kill the container that was started last."""
        ...

    async def roll(self) -> None:
        """Replace all, `ROLLED_AT_ONCE` at a time, each stopped before its successor starts."""
        ...

    async def delete(self) -> None:
        """End the service."""
        ...


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from the call until it is so."""

    first: float
    """The first runs."""
    killed: list[float]
    """The next one runs after a kill, each time."""
    running: list[float]
    """So many (`MARKS`) of `MANY` run."""
    gone: float
    """All but `FEW` have stopped."""
    rolled: float
    """The last successor of `SOME` runs."""
    told: float
    """After that, the end of it is told."""


async def play(contender: Contender) -> Measured:
    """Put a contender through all of it."""
    seen = contender.seen
    first = await _first(contender)
    killed = [await _killed(contender) for _ in range(KILLS)]
    began = time.perf_counter()
    await contender.delete()
    await _soon(seen.after(began, STOPPED, 1))
    await asyncio.sleep(SCALE_PAUSE_SECONDS)
    began = time.perf_counter()
    await contender.create(MANY)
    running = [await _soon(seen.running(began, partial(le, mark))) for mark in MARKS]
    began = time.perf_counter()
    await contender.scale(FEW)
    gone = await _soon(seen.running(began, partial(ge, FEW)))
    await asyncio.sleep(SCALE_PAUSE_SECONDS)
    began = time.perf_counter()
    await contender.scale(SOME)
    await _soon(seen.running(began, partial(le, SOME)))
    rolled, told = await _rolled(contender)
    return Measured(first=first, killed=killed, running=running, gone=gone, rolled=rolled, told=told)


async def _first(contender: Contender) -> float:
    began = time.perf_counter()
    await contender.create(1)
    return await _soon(contender.seen.after(began, STARTED, 1))


async def _killed(contender: Contender) -> float:
    await asyncio.sleep(KILL_PAUSE_SECONDS)
    began = time.perf_counter()
    await contender.kill()
    return await _soon(contender.seen.after(began, STARTED, 1))


async def _rolled(contender: Contender) -> tuple[float, float]:
    """Roll, and wait until all of it is told."""
    await asyncio.sleep(KILL_PAUSE_SECONDS)
    began = time.perf_counter()
    await contender.roll()
    started = await _soon(contender.seen.after(began, STARTED, SOME))
    completed = await _soon(contender.seen.after(began, COMPLETED, 1))
    return started, max(completed - started, 0.0)  # the floor knows by itself, maybe before the last event has come


async def _soon(reached: Awaitable[float]) -> float:
    async with asyncio.timeout(STEP_SECONDS_MAX):
        return await reached
