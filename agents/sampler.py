"""Sampler: looks now and then at what containers use, and tells the engine."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from quarterdeck.agents import pause
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.home import Home
from quarterdeck.agents.link import LinkDown
from quarterdeck.agents.readings import Sample, document, stats
from quarterdeck.agents.runtimes.errors import RuntimeFailure
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.agents.task import Task
from quarterdeck.events.stats import ContainerStats, InstanceStats, TaskStats

SAMPLES_MAX = 16
"""At once: a Docker Engine lets each wait for up to a second."""

logger = structlog.get_logger(__name__)


class Sampler:
    """The last two samples of each container that runs."""

    def __init__(self, home: Home, runtime: Runtime, tasks: Mapping[str, Task], clock: Clock, seconds: float) -> None:
        self._home = home
        self._runtime = runtime
        self._tasks = tasks
        self._clock = clock
        self._seconds = seconds
        self._slots = asyncio.Semaphore(SAMPLES_MAX)
        self._last: dict[str, tuple[Sample, Sample | None]] = {}

    async def run(self) -> None:
        """Sample and tell, for ever."""
        while True:
            await self._clock.sleep(self._seconds)
            await self._sample_all()
            try:
                await self._home.link.tell_stats(self._home.cluster, self._home.container_instance, self._told())
            except LinkDown:
                continue

    async def of(self, container_id: str) -> dict[str, Any]:
        """Docker's statistics of a container; empty for one that does not run.

        The last there are, or, where nobody looks now and then, those of just now.
        """
        if container_id not in self._last or self._seconds <= 0:
            self._running()
            await self._sample(container_id)
        found = self._last.get(container_id)
        return document(*found) if found is not None else {}

    def _running(self) -> set[str]:
        """What runs now; of all else nothing is kept."""
        containers = (each for task in self._tasks.values() for each in task.containers.values())
        running = {each.id for each in containers if each.state == "running"}
        self._last = {name: kept for name, kept in self._last.items() if name in running}
        return running

    async def _sample_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for container_id in self._running():
                group.create_task(self._sample(container_id), name=f"statistics of {container_id}")

    async def _sample(self, container_id: str) -> None:
        try:
            async with self._slots:
                raw = await self._runtime.stats(container_id)
        except RuntimeFailure:
            return
        before = self._last.get(container_id)
        self._last[container_id] = Sample(raw, self._clock.now()), before[0] if before is not None else None

    def _told(self) -> InstanceStats:
        return InstanceStats(
            at=round(self._clock.now(), 3),
            container_instance=self._home.container_instance,
            tasks=[told for task in self._tasks.values() if (told := self._of_task(task)).containers],
        )

    def _of_task(self, task: Task) -> TaskStats:
        containers = [
            ContainerStats(name=name, stats=stats(*self._last[each.id]))
            for name, each in task.containers.items()
            if each.id in self._last and name != pause.NAME
        ]
        return TaskStats(task=task.id, group=task.group, containers=containers)
