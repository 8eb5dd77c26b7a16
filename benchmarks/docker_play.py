"""Docker play: what each contender is put through, and what is measured of it.

Contenders are the floor (the raw Engine API), Docker Swarm and Quarterdeck; each has the same containers made.
What counts as started and stopped is each one's own affair, as its module says.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import msgspec

from benchmarks.docker_daemon import Seen

KILLS = 5
KILL_PAUSE_SECONDS = 0.5
"""So that a container's remains are gone before the next one is killed."""
MANY, FEW, SOME = 50, 10, 20
MARKS = (10, 25, 50)
ROLLED_AT_ONCE = 5
STEP_SECONDS_MAX = 120.0
STARTED, STOPPED, COMPLETED = "started", "stopped", "completed"


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
    await _until(seen, began, STOPPED, 1)
    began = time.perf_counter()
    await contender.create(MANY)
    running = await _until(seen, began, STARTED, MANY)
    began = time.perf_counter()
    await contender.scale(FEW)
    gone = await _until(seen, began, STOPPED, MANY - FEW)
    began = time.perf_counter()
    await contender.scale(SOME)
    await _until(seen, began, STARTED, SOME - FEW)
    rolled, told = await _rolled(contender)
    return Measured(
        first=first,
        killed=killed,
        running=[running[mark - 1] for mark in MARKS],
        gone=gone[-1],
        rolled=rolled,
        told=told,
    )


async def _first(contender: Contender) -> float:
    began = time.perf_counter()
    await contender.create(1)
    return (await _until(contender.seen, began, STARTED, 1))[0]


async def _killed(contender: Contender) -> float:
    await asyncio.sleep(KILL_PAUSE_SECONDS)
    began = time.perf_counter()
    await contender.kill()
    return (await _until(contender.seen, began, STARTED, 1))[0]


async def _rolled(contender: Contender) -> tuple[float, float]:
    """Roll, and wait until all of it is told."""
    await asyncio.sleep(KILL_PAUSE_SECONDS)
    began = time.perf_counter()
    await contender.roll()
    started = await _until(contender.seen, began, STARTED, SOME)
    completed = await _until(contender.seen, began, COMPLETED, 1)
    return started[-1], completed[0] - started[-1]


async def _until(seen: Seen, began: float, what: str, count: int) -> list[float]:
    async with asyncio.timeout(STEP_SECONDS_MAX):
        return await seen.after(began, what, count)
