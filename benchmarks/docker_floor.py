"""Docker floor: the same done by the raw Engine API, a fixed number of calls under way.

A container counts as started and stopped when the daemon's own events say so. The floor of a replacement is a start;
what it takes who starts one as soon as the daemon tells of an end, and no sooner, is measured beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.docker_daemon import COMPLETED, STOPPED, Daemon, Seen, at_once
from benchmarks.docker_play import KILL_PAUSE_SECONDS, ROLLED_AT_ONCE

SETTLE_SECONDS = 1.0


class Floor:
    """Containers without anybody who looks after them; ``reactions`` are seconds from a kill to the next start."""

    def __init__(self, daemon: Daemon) -> None:
        self.seen = Seen()
        self.reactions: list[float] = []
        self._daemon = daemon
        self._running: list[str] = []

    async def create(self, count: int) -> None:
        """Create and start them."""
        await at_once([""] * count, self._start)

    async def scale(self, count: int) -> None:
        """Start or stop as many as it takes."""
        if count > len(self._running):
            await self.create(count - len(self._running))
        else:
            await at_once(self._running[count:], self._stop)

    async def kill(self) -> None:
        """Start another one; then kill it, and start the next when that is told."""
        await self._start("")
        await asyncio.sleep(KILL_PAUSE_SECONDS)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._daemon.kill(self._running.pop()), name="kill")
            await self.seen.after(began, STOPPED, 1)
            await self._start("")
            self.reactions.append(time.perf_counter() - began)
        await self._daemon.remove(self._running.pop())

    async def roll(self) -> None:
        """Replace each."""

        async def replace(old: str) -> None:
            await self._stop(old)
            await self._start("")

        await at_once(list(self._running), replace, ROLLED_AT_ONCE)
        self.seen.note(COMPLETED, "")

    async def delete(self) -> None:
        """Stop all."""
        await at_once(list(self._running), self._stop)

    async def _start(self, _: str) -> None:
        self._running.append(await self._daemon.run())

    async def _stop(self, container: str) -> None:
        await self._daemon.stop(container)
        self._running.remove(container)


@asynccontextmanager
async def floor(daemon: Daemon) -> AsyncIterator[Floor]:
    """Have the floor, and nothing of it afterwards."""
    found = Floor(daemon)
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(daemon.watch(found.seen), name="events of the daemon")
            await asyncio.sleep(SETTLE_SECONDS)
            yield found
            watching.cancel()
    finally:
        await daemon.sweep()
