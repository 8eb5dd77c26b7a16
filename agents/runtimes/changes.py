"""Changes: a feed from one runtime object to its followers, for runtimes that notice changes themselves."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

from quarterdeck.agents.runtimes.port import Changed, Ended, Happening, Resync


def carries(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all the wanted labels are there, with the wanted values."""
    return wanted.items() <= labels.items()


class ChangeFeed:
    """Tells each follower which containers changed since it last looked.

    A follower's backlog is a set of containers, not a list of changes, so it cannot outgrow the host.
    """

    def __init__(self) -> None:
        self._followers: dict[_Follower, None] = {}  # in order, for simulations
        self._paused = False
        self._closed = False

    def publish(self, container_id: str, labels: dict[str, str], ended: Ended | None = None) -> None:
        """Something happened to this container."""
        for follower in self._followers:
            follower.add(Changed(container_id, labels, ended))

    def pause(self) -> None:
        """Tell nobody anything until ``resume``."""
        self._paused = True

    def resume(self) -> None:
        """Go on; changes were missed meanwhile, so every follower gets a Resync."""
        self._paused = False
        self._resync()

    def _resync(self) -> None:
        for follower in self._followers:
            follower.resync()

    async def follow(self, labels: Mapping[str, str]) -> AsyncGenerator[Happening, None]:
        """What ``Runtime.follow`` promises."""
        follower = _Follower(labels)
        self._followers[follower] = None
        try:
            while not self._closed:
                for item in [] if self._paused else follower.take():
                    yield item
                await follower.stir()
        finally:
            del self._followers[follower]

    def close(self) -> None:
        """End all followers."""
        self._closed = True
        self._resync()


class _Follower:
    """What one follower has not seen yet."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._stirred = asyncio.Event()
        self._labels = dict(labels)
        self._missed = True
        self._changed: dict[str, Changed] = {}

    def add(self, changed: Changed) -> None:
        """Note a change, if it is one of ours."""
        if carries(changed.labels, self._labels):
            self._changed[changed.id] = changed
            self._stirred.set()

    def resync(self) -> None:
        """A Resync stands for all changes before it."""
        self._changed.clear()
        self._missed = True
        self._stirred.set()

    def take(self) -> list[Changed | Resync]:
        """Everything since the last time, oldest first."""
        items: list[Changed | Resync] = [Resync()] if self._missed else []
        items.extend(self._changed.values())
        self._missed = False
        self._changed.clear()
        return items

    async def stir(self) -> None:
        """Return when something happened since the last time."""
        await self._stirred.wait()
        self._stirred.clear()
