"""Docker swarm: the same done by Swarm on the same daemon, begun for it and left afterwards.

Its settings are its defaults, but that nothing delays a restart. A container counts as started and stopped when the
daemon's own events say so, which is before Swarm's managers say it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.docker_daemon import COMMAND, COMPLETED, GRACE_SECONDS, LABEL, MEMORY_MIB, Daemon, Seen
from benchmarks.docker_play import ROLLED_AT_ONCE
from tests import docker_engine

NANOSECONDS = 1_000_000_000
SETTLE_SECONDS = 2.0
LISTEN = "127.0.0.1:2377"
LOOPBACK = "127.0.0.1"
BRIDGE = "docker_gwbridge"
"""The network that Swarm makes, and leaves behind."""


class Swarm:
    """One service of a swarm of one node."""

    def __init__(self, daemon: Daemon) -> None:
        self.seen = Seen()
        self._daemon = daemon
        self._count = 0
        self._generation = 0

    async def create(self, count: int) -> None:
        """Create the service."""
        self._count = count
        await self._daemon.call("POST", "/services/create", self._spec())

    async def scale(self, count: int) -> None:
        """Change its number."""
        self._count = count
        await self._update()

    async def kill(self) -> None:
        """Kill a container of its."""
        await self._daemon.kill(self.seen.last)

    async def roll(self) -> None:
        """Change its containers."""
        self._generation += 1
        await self._update()

    async def delete(self) -> None:
        """Delete the service."""
        await self._daemon.call("DELETE", "/services/benchmark")

    async def watch(self) -> None:
        """Note when updates are completed, for ever."""
        async for event in self._daemon.events(type=["service"], event=["update"]):
            if event["Actor"]["Attributes"].get("updatestate.new") == "completed":
                self.seen.note(COMPLETED, event["Actor"]["ID"])

    async def _update(self) -> None:
        found = await self._daemon.call("GET", "/services/benchmark")
        version = str(found["Version"]["Index"])
        await self._daemon.call("POST", "/services/benchmark/update", self._spec(), version=version)

    def _spec(self) -> dict[str, Any]:
        container = {
            "Image": docker_engine.IMAGE,
            "Command": COMMAND,
            "Labels": {LABEL: "swarm"},
            "Env": [f"GENERATION={self._generation}"],
            "StopGracePeriod": GRACE_SECONDS * NANOSECONDS,
        }
        log = {"Name": "json-file", "Options": {"max-size": "10m", "max-file": "3"}}
        task = {
            "ContainerSpec": container,
            "Resources": {"Limits": {"MemoryBytes": MEMORY_MIB << 20}},
            "RestartPolicy": {"Condition": "any", "Delay": 0},
            "LogDriver": log,
        }
        return {
            "Name": "benchmark",
            "TaskTemplate": task,
            "Mode": {"Replicated": {"Replicas": self._count}},
            "UpdateConfig": {"Parallelism": ROLLED_AT_ONCE, "Order": "stop-first"},
        }


@asynccontextmanager
async def swarm(daemon: Daemon) -> AsyncIterator[Swarm]:
    """Begin a swarm for the length of a block."""
    address = {"ListenAddr": LISTEN, "AdvertiseAddr": LOOPBACK, "DataPathAddr": LOOPBACK}
    await daemon.call("POST", "/swarm/init", address)
    try:
        found = Swarm(daemon)
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(daemon.watch(found.seen), name="events of containers"),
                group.create_task(found.watch(), name="events of the service"),
            ]
            await asyncio.sleep(SETTLE_SECONDS)
            yield found
            for each in watching:
                each.cancel()
    finally:
        await leave(daemon)


async def in_one(daemon: Daemon) -> bool:
    """Tell whether the daemon is in a swarm already: it is not ours to leave."""
    return bool((await daemon.call("GET", "/info"))["Swarm"]["LocalNodeState"] != "inactive")


async def leave(daemon: Daemon) -> None:
    """Leave the swarm, and take away what it leaves behind."""
    await daemon.call("POST", "/swarm/leave", force="1")
    await daemon.sweep()
    await daemon.call("DELETE", f"/networks/{BRIDGE}")
