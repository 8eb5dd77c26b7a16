"""Merge: lines of several sources in the order of their times, as far as one can wait for it.

The earliest line at hand is given once every other source has one too, has ended, or has been given WAIT_SECONDS to
come up with one: so what was written long ago comes in order, and what is written now comes soon.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

WAIT_SECONDS = 0.25
LINES_WAITING_MAX = 2_000


class Timed(Protocol):
    """Something with a time, in nanoseconds."""

    @property
    def at(self) -> int:
        """When."""
        ...


Item = TypeVar("Item", bound=Timed)


class Source(Generic[Item]):
    """One of those that are merged: what it has given and is not taken yet."""

    def __init__(self, merge: "Merge[Item]") -> None:
        self.items: deque[Item] = deque()
        self.quiet_since = asyncio.get_running_loop().time()
        self._merge = merge
        self._room = asyncio.Event()

    async def put(self, items: list[Item]) -> None:
        """Give items, and wait while there are too many."""
        self.items.extend(items)
        self._merge.stir()
        while len(self.items) >= LINES_WAITING_MAX:
            self._room.clear()
            await self._room.wait()

    def end(self) -> None:
        """Nothing more will come."""
        self._merge.end(self)

    def take(self) -> Item:
        """Take the first item."""
        item = self.items.popleft()
        if not self.items:
            self.quiet_since = asyncio.get_running_loop().time()
        self._room.set()
        return item


class Merge(Generic[Item]):
    """Sources come and go; it ends when all have ended and `close` was called."""

    def __init__(self) -> None:
        self._sources: list[Source[Item]] = []
        self._ended: list[Source[Item]] = []
        self._stirred = asyncio.Event()
        self._closed = False
        self._failure: Exception | None = None

    def source(self) -> Source[Item]:
        """Add one."""
        made = Source(self)
        self._sources.append(made)
        return made

    def end(self, source: Source[Item]) -> None:
        """Note that a source gives nothing more."""
        self._sources.remove(source)
        self._ended.append(source)
        self.stir()

    def close(self) -> None:
        """Add no more sources."""
        self._closed = True
        self.stir()

    def fail(self, error: Exception) -> None:
        """Have `items` raise."""
        self._failure = self._failure or error
        self.stir()

    def stir(self) -> None:
        """Look again."""
        self._stirred.set()

    async def items(self) -> AsyncGenerator[Item, None]:
        """Give all items."""
        loop = asyncio.get_running_loop()
        while True:
            self._stirred.clear()
            if self._failure is not None:
                raise self._failure
            self._ended = [source for source in self._ended if source.items]
            heads = [source for source in (*self._ended, *self._sources) if source.items]
            until = min((each.quiet_since + WAIT_SECONDS for each in self._sources if not each.items), default=0.0)
            if heads and until <= loop.time():
                yield min(heads, key=lambda source: source.items[0].at).take()
                continue
            if self._closed and not heads and not self._sources:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until if heads else None):
                    await self._stirred.wait()
