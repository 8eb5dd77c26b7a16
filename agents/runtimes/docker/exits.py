"""Exits: tells that a container's first process has ended, before the daemon does.

The kernel tells at once. The daemon's `die` comes 50 ms later, and whoever starts a container only then waits for what
it does with the dead one. How the process ended is not known here: nobody but its parent is told.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from pathlib import Path

from quarterdeck.agents.runtimes.docker import leftovers
from quarterdeck.agents.runtimes.exits import ExitFeed
from quarterdeck.agents.runtimes.port import Exiting


class Exits:
    """The first processes of running containers, by the containers' ids; only where this agent sees its host's."""

    def __init__(self, proc: Path = leftovers.PROC) -> None:
        self._proc = proc
        self._watched: dict[str, tuple[int, int]] = {}
        self._feed = ExitFeed()

    def follow(self, labels: Mapping[str, str]) -> AsyncGenerator[Exiting, None]:
        """Yield those that end from now on."""
        return self._feed.follow(labels)

    def watch(self, container_id: str, pid: int, labels: dict[str, str]) -> None:
        """Watch the process with this number; nothing if that is not the container's here, or it has ended."""
        if self._watched.get(container_id, (0, 0))[0] == pid:
            return
        self._forget(container_id)
        with suppress(OSError):
            descriptor = os.pidfd_open(pid)
            # Only now: the descriptor is of one process for ever, the number is not.
            if not leftovers.holds(container_id, pid, self._proc):
                os.close(descriptor)
                return
            self._watched[container_id] = pid, descriptor
            asyncio.get_running_loop().add_reader(descriptor, self._ended, container_id, labels)

    def close(self) -> None:
        """Watch none any more."""
        for container_id in list(self._watched):
            self._forget(container_id)
        self._feed.close()

    def _ended(self, container_id: str, labels: dict[str, str]) -> None:
        self._forget(container_id)
        self._feed.publish(container_id, labels)

    def _forget(self, container_id: str) -> None:
        watched = self._watched.pop(container_id, None)
        if watched is not None:
            asyncio.get_running_loop().remove_reader(watched[1])
            os.close(watched[1])
