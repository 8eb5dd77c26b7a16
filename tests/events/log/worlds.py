"""Worlds: where the contract of the log is run; each gives fresh logs and as many handles on one as a test wants."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from quarterdeck.events.log.jetstream import JetStreamLog, Settings, open_log
from quarterdeck.events.log.memory import MemoryLog, Store
from quarterdeck.events.log.port import Log, Record
from quarterdeck.events.log.server import Server

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


class JetStreamWorld:
    """A stream of its own on a server that runs."""

    def __init__(self, server: Server, shard: int) -> None:
        self.server = server
        self.shard = shard

    def settings(self, **changes: Any) -> Settings:
        """What handles on this log are opened with."""
        wanted = {"shard": self.shard, "durable": self.server.settings.sync_always, **changes}
        return Settings(monitors=(self.server.monitor_url,), **wanted)

    @asynccontextmanager
    async def open(self, *, small: bool = False) -> AsyncIterator[JetStreamLog]:
        log = await open_log(self.server.address(), self.settings(size_bytes_max=SIZE_BYTES_SMALL if small else None))
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
