"""Log: the memory log as a process far away would see it, and a store that shows each record to a watcher."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from quarterdeck.events.log.errors import LogUnavailable
from quarterdeck.events.log.memory import Fault, MemoryLog, Store
from quarterdeck.events.log.port import Epoch, Position, Record
from tests.simulation.chance import Chance, Weather

FAULTS = (Fault.UNKNOWN_STORED, Fault.UNKNOWN_LOST, Fault.FULL)


class WatchedStore(Store):
    """Shows every record, in order, to whoever checks the world."""

    def __init__(self, watch: Callable[[Record], None]) -> None:
        super().__init__("simulated")
        self._watch = watch

    def put(self, record: Record) -> None:
        """Keep a record, then show it."""
        super().put(record)
        self._watch(record)


class FarLog:
    """One engine's handle on the log: every call takes time; the log may be away, and appends may fail."""

    def __init__(self, near: MemoryLog, chance: Chance, weather: Weather) -> None:
        self.near = near
        self.away_until = 0.0
        self._chance = chance
        self._weather = weather

    def fail_next(self, fault: Fault) -> None:
        """Make the next append suffer."""
        self.near.fail_next(fault)

    async def claim(self, node: str) -> Epoch:
        """See ``Log.claim``."""
        await self._go()
        epoch = await self.near.claim(node)
        await self._chance.pass_(self._weather)
        return epoch

    async def append(self, payload: bytes, expected: int) -> int:
        """See ``Log.append``: who is gone before the answer never learns what became of it."""
        await self._go()
        sequence = await self.near.append(payload, expected)
        await self._chance.pass_(self._weather)
        return sequence

    def read(
        self, after: int = 0, *, until: int | None = None, follow: bool = False
    ) -> AsyncGenerator[list[Record], None]:
        """See ``Log.read``."""
        return self.near.read(after, until=until, follow=follow)

    async def position(self) -> Position:
        """See ``Log.position``."""
        return await self.near.position()

    async def close(self) -> None:
        """See ``Log.close``."""
        await self.near.close()

    async def _go(self) -> None:
        await self._chance.pass_(self._weather)
        if asyncio.get_running_loop().time() < self.away_until:
            raise LogUnavailable("the log is away (injected)")
