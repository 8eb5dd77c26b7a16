"""Docker service: the same done by Quarterdeck: an embedded engine with one container instance, everything durable.

A container counts as started and stopped when the log has it, which is after the agent was told by Docker.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import quarterdeck
from benchmarks.docker_daemon import (
    COMMAND,
    COMPLETED,
    GRACE_SECONDS,
    LABEL,
    MEMORY_MIB,
    STARTED,
    STOPPED,
    Daemon,
    Seen,
)
from benchmarks.docker_play import ROLLED_AT_ONCE, SOME
from quarterdeck.engine.embedded import Embedded
from quarterdeck.events import shapes
from quarterdeck.events.service import DeploymentCompleted
from quarterdeck.events.task import TaskStarted, TaskStopped
from tests import docker_engine

NAME = "benchmark"
SETTLE_SECONDS = 2.0
HEALTHY_PERCENT_MIN = 100 - 100 * ROLLED_AT_ONCE // SOME
PERCENTS = shapes.DeploymentConfiguration(minimum_healthy_percent=HEALTHY_PERCENT_MIN, maximum_percent=100)


class Service:
    """One service of an engine with one container instance."""

    def __init__(self, qd: Embedded, daemon: Daemon) -> None:
        self.seen = Seen()
        self._qd = qd
        self._daemon = daemon
        self._generation = 0
        self._containers: dict[str, str] = {}

    async def register(self) -> None:
        """Register a task definition, the next revision of it."""
        self._generation += 1
        container = shapes.ContainerDefinition(
            name="one",
            image=docker_engine.IMAGE,
            command=list(COMMAND),
            memory=MEMORY_MIB,
            stop_timeout=GRACE_SECONDS,
            environment=[shapes.KeyValuePair(name="GENERATION", value=str(self._generation))],
            docker_labels={LABEL: "quarterdeck"},
        )
        await self._qd.register_task_definition(family=NAME, container_definitions=[container])

    async def create(self, count: int) -> None:
        """Create the service."""
        await self._qd.create_service(
            service_name=NAME, task_definition=NAME, desired_count=count, deployment_configuration=PERCENTS
        )

    async def scale(self, count: int) -> None:
        """Change its number."""
        await self._qd.update_service(service=NAME, desired_count=count)

    async def kill(self) -> None:
        """Kill a container of its."""
        await self._daemon.kill(self._containers[self.seen.last])

    async def roll(self) -> None:
        """Register the next revision, and have it."""
        await self.register()
        await self._qd.update_service(service=NAME, task_definition=NAME)

    async def delete(self) -> None:
        """Delete the service."""
        await self._qd.delete_service(service=NAME, force=True)

    async def watch(self) -> None:
        """Note what the log tells, for ever."""
        async for commit in self._qd.follow(from_sequence=1):
            for event in commit.events:
                match event:
                    case TaskStarted():
                        self._containers[event.task] = event.containers[0].runtime_id
                        self.seen.note(STARTED, event.task)
                    case TaskStopped():
                        self.seen.note(STOPPED, event.task)
                    case DeploymentCompleted():
                        self.seen.note(COMPLETED, event.deployment)
                    case _:
                        pass


@asynccontextmanager
async def service(daemon: Daemon) -> AsyncIterator[Service]:
    """Have an engine for the length of a block, and none of its containers afterwards."""
    try:
        with tempfile.TemporaryDirectory() as data:
            async with quarterdeck.embedded(instances=1, zones=1, runtime="docker", data=Path(data)) as qd:
                found = Service(qd, daemon)
                await found.register()
                async with asyncio.TaskGroup() as group:
                    watching = group.create_task(found.watch(), name="the log")
                    await asyncio.sleep(SETTLE_SECONDS)
                    yield found
                    watching.cancel()
    finally:
        await daemon.sweep()
