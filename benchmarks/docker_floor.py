"""Docker floor: the same done by the raw Engine API, a fixed number of calls under way, each counted when answered.

What is killed is not replaced but created and started beside it: the floor of a replacement is a start.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.docker_daemon import Daemon, Seen, at_once
from benchmarks.docker_play import COMPLETED, ROLLED_AT_ONCE, STARTED, STOPPED


class Floor:
    """Containers without anybody who looks after them."""

    def __init__(self, daemon: Daemon) -> None:
        self.seen = Seen()
        self._daemon = daemon
        self._running: list[str] = []

    async def create(self, count: int) -> None:
        """Create and start them."""
        await self._add(count)

    async def scale(self, count: int) -> None:
        """Start or stop as many as it takes."""
        if count > len(self._running):
            await self._add(count - len(self._running))
        else:
            await self._stop(self._running[count:])

    async def kill(self) -> None:
        """Start another one."""
        old = self._running[-1]
        await self._start("")
        await self._daemon.remove(old)
        self._running.remove(old)

    async def roll(self) -> None:
        """Replace each."""

        async def replace(old: str) -> None:
            await self._stop_one(old)
            await self._start("")

        await at_once(list(self._running), replace, ROLLED_AT_ONCE)
        self.seen.note(COMPLETED, "")

    async def delete(self) -> None:
        """Stop all."""
        await self._stop(list(self._running))

    async def _add(self, count: int) -> None:
        await at_once([""] * count, self._start)

    async def _stop(self, containers: list[str]) -> None:
        await at_once(containers, self._stop_one)

    async def _start(self, _: str) -> None:
        container = await self._daemon.run()
        self._running.append(container)
        self.seen.note(STARTED, container)

    async def _stop_one(self, container: str) -> None:
        await self._daemon.stop(container)
        self._running.remove(container)
        self.seen.note(STOPPED, container)


@asynccontextmanager
async def floor(daemon: Daemon) -> AsyncIterator[Floor]:
    """Have the floor, and nothing of it afterwards."""
    try:
        yield Floor(daemon)
    finally:
        await daemon.sweep()
