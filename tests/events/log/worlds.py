"""Worlds: where the contract of the log is run; each gives fresh logs and as many handles on one as a test wants."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from quarterdeck.events.log.memory import MemoryLog, Store
from quarterdeck.events.log.port import Log, Record

SIZE_BYTES_SMALL = 200_000


class World(Protocol):
    """One fresh log, opened any number of times at once; ``small`` gives it room for SIZE_BYTES_SMALL only."""

    def open(self, *, small: bool = False) -> AbstractAsyncContextManager[Log]:
        """Open another handle on the log of this world."""
        ...


class MemoryWorld:
    """A store in memory."""

    def __init__(self) -> None:
        self.store = Store()

    @asynccontextmanager
    async def open(self, *, small: bool = False) -> AsyncIterator[Log]:
        if small:
            self.store.size_bytes_max = SIZE_BYTES_SMALL
        log = MemoryLog(self.store)
        try:
            yield log
        finally:
            await log.close()


async def records(log: Log, after: int = 0, *, until: int | None = None) -> list[Record]:
    """Read what the log holds now."""
    return [record async for batch in log.read(after, until=until) for record in batch]


async def payloads(log: Log, after: int = 0) -> list[bytes]:
    """Read the payloads of the commits the log holds now."""
    return [record.payload for record in await records(log, after) if record.kind == "commits"]


async def fill(log: Log, expected: int, wanted: list[bytes]) -> int:
    """Append one after the other; returns the last sequence."""
    for payload in wanted:
        expected = await log.append(payload, expected)
    return expected
