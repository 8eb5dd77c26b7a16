"""Merge: lines of several sources in the order of their times, as far as one can wait for it.

The earliest line at hand is given at once when every other source has one too, or has ended. A source that has been
quiet for WAIT_SECONDS has told all that is old: then what was written that long before the newest, or is at hand that
long, is given too. So what was written before comes in order, and what is written now comes soon.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

WAIT_SECONDS = 0.2
NANOSECONDS = 1_000_000_000
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
        self.items: deque[tuple[float, Item]] = deque()
        """With the moment they came (the loop's time)."""
        self.quiet_since = asyncio.get_running_loop().time()
        self._merge = merge
        self._room = asyncio.Event()

    async def put(self, items: list[Item]) -> None:
        """Give items, and wait while there are too many."""
        now = asyncio.get_running_loop().time()
        self.items.extend((now, item) for item in items)
        self._merge.arrived(items, now)
        while len(self.items) >= LINES_WAITING_MAX:
            self._room.clear()
            await self._room.wait()

    def end(self) -> None:
        """Nothing more will come."""
        self._merge.end(self)

    def take(self) -> Item:
        """Take the first item."""
        _, item = self.items.popleft()
        if not self.items:
            self.quiet_since = asyncio.get_running_loop().time()
        self._room.set()
        return item


class Merge(Generic[Item]):
    """Sources come and go; it ends when all have ended and `close` was called."""

    def __init__(self) -> None:
        self._ahead = -math.inf
        """What to add to the loop's time to have the writers', as far as the newest line tells."""
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

    def arrived(self, items: list[Item], now: float) -> None:
        """Note that a source has given items, at a moment of the loop's."""
        self._ahead = max([self._ahead, *(item.at / NANOSECONDS - now for item in items[-1:])])
        self.stir()

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
            if not heads and self._closed and not self._sources:
                return
            first = min(heads, key=lambda source: source.items[0][1].at, default=None)
            wait_seconds = self._wait_seconds(first, loop.time()) if first is not None else None
            if first is not None and wait_seconds == 0:
                yield first.take()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._stirred.wait()

    def _wait_seconds(self, first: Source[Item], now: float) -> float:
        """How long to wait before giving a source's first item."""
        quiet = [each.quiet_since for each in self._sources if not each.items]
        if not quiet:
            return 0.0
        arrived, item = first.items[0]
        at_hand = arrived + WAIT_SECONDS - now
        written = item.at / NANOSECONDS + WAIT_SECONDS - (now + self._ahead)
        return max(0.0, max(quiet) + WAIT_SECONDS - now, min(at_hand, written))
