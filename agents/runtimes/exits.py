"""Exits: a feed from one runtime object to its followers, of containers in which nothing runs any more."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress

from quarterdeck.agents.runtimes.changes import carries
from quarterdeck.agents.runtimes.port import Exiting

WAITING_MAX = 1024

Waiting = asyncio.Queue[Exiting | None]


class ExitFeed:
    """Tells each follower of those that carry its labels; what a slow one has no place for is lost to it."""

    def __init__(self) -> None:
        self._followers: list[tuple[Waiting, Mapping[str, str]]] = []
        self._closed = False

    def publish(self, container_id: str, labels: dict[str, str]) -> None:
        """Nothing runs in this container any more."""
        for waiting, wanted in self._followers:
            if carries(labels, wanted):
                with suppress(asyncio.QueueFull):
                    waiting.put_nowait(Exiting(container_id, labels))

    async def follow(self, labels: Mapping[str, str]) -> AsyncGenerator[Exiting, None]:
        """What ``Runtime.exits`` promises."""
        follower: tuple[Waiting, Mapping[str, str]] = asyncio.Queue(WAITING_MAX), labels
        self._followers.append(follower)
        try:
            while not self._closed and (item := await follower[0].get()) is not None:
                yield item
        finally:
            self._followers.remove(follower)

    def close(self) -> None:
        """End all followers."""
        self._closed = True
        for waiting, _ in self._followers:
            with suppress(asyncio.QueueFull):  # then it has something to wake up to
                waiting.put_nowait(None)
