"""Watch: follows what the runtime does with this instance's containers, and compares all of it now and then."""

import asyncio
from contextlib import aclosing

import structlog

from quarterdeck.agents import labels
from quarterdeck.agents.backoff import Backoff
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.home import Home
from quarterdeck.agents.runtimes.errors import CannotInspectContainerError, ContainerGone, RuntimeUnavailable
from quarterdeck.agents.runtimes.port import Changed, Exiting, Interrupted, Resync, Runtime
from quarterdeck.agents.settings import Timing
from quarterdeck.agents.spawn import spawn
from quarterdeck.agents.tasks import Tasks
from quarterdeck.events.names import short_name

logger = structlog.get_logger(__name__)


class Watch:
    """The agent's eyes on its runtime."""

    def __init__(self, runtime: Runtime, tasks: Tasks, clock: Clock, timing: Timing, home: Home) -> None:
        self._runtime = runtime
        self._tasks = tasks
        self._clock = clock
        self._timing = timing
        self._ours = {labels.CONTAINER_INSTANCE: home.container_instance}
        self._home = home
        self._stirred = asyncio.Event()
        self._looking: set[str] = set()
        self._again: set[str] = set()

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Set the watchers going."""
        spawn(group, self._follow(group), name="follow the runtime")
        spawn(group, self._follow_exits(), name="follow exits")
        spawn(group, self._compare(group), name="compare with the runtime")
        spawn(group, self._remind(), name="compare now and then")

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        async with aclosing(self._runtime.follow(self._ours)) as items:
            async for item in items:
                match item:
                    case Resync() | Interrupted():
                        self._stirred.set()
                    case Changed():
                        self._changed(group, item)

    async def _follow_exits(self) -> None:
        async with aclosing(self._runtime.exits(self._ours)) as items:
            async for item in items:
                self._tasks.exiting(*_whose(item), item.id)

    def _changed(self, group: asyncio.TaskGroup, item: Changed) -> None:
        task, name = _whose(item)
        if item.ended is None or not self._tasks.ended(task, name, item.id, item.ended):
            self._look(group, task, name, item.id)

    async def _remind(self) -> None:
        while True:
            await self._clock.sleep(self._timing.compare_seconds)
            self._stirred.set()

    async def _compare(self, group: asyncio.TaskGroup) -> None:
        await self._tasks.listed_once.wait()
        backoff = Backoff(self._timing.retry_seconds_min, self._timing.retry_seconds_max)
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            try:
                containers = await self._runtime.list(self._ours)
            except (RuntimeUnavailable, CannotInspectContainerError) as failure:
                logger.warning("runtime can't be asked", why=failure.reason)
                self._home.runtime_fails(failure.reason)
                self._stirred.set()
                await self._clock.sleep(backoff.next())
                continue
            backoff.reset()
            self._home.runtime_answers()
            for task, name in self._tasks.found(containers):
                # Perhaps newer than the list: ask for it by itself.
                self._look(group, task, name, self._tasks.by_id[task].containers[name].id)

    def _look(self, group: asyncio.TaskGroup, task: str, name: str, container_id: str) -> None:
        if task not in self._tasks.by_id:
            return
        if container_id in self._looking:
            self._again.add(container_id)
            return
        self._looking.add(container_id)
        spawn(group, self._inspect(task, name, container_id), name=f"look at {name} of task {task}")

    async def _inspect(self, task: str, name: str, container_id: str) -> None:
        """Look until nothing happened since the last look."""
        backoff = Backoff(self._timing.retry_seconds_min, self._timing.retry_seconds_max)
        self._again.add(container_id)
        while container_id in self._again:
            self._again.discard(container_id)
            since = self._tasks.known(task, name)
            try:
                self._tasks.seen(task, name, await self._runtime.inspect(container_id), since)
            except ContainerGone:
                self._tasks.gone(task, name, container_id)
            except RuntimeUnavailable:
                self._stirred.set()
            except CannotInspectContainerError as failure:  # a list may well be had: it would lead here again at once
                logger.warning("a container can't be looked at", task=task, name=name, why=failure.detail)
                await self._clock.sleep(backoff.next())
                if task in self._tasks.by_id:
                    self._again.add(container_id)
        self._looking.discard(container_id)


def _whose(item: Changed | Exiting) -> tuple[str, str]:
    """Name the task and the container of it."""
    return short_name(item.labels.get(labels.TASK_ARN, "")), item.labels.get(labels.CONTAINER_NAME, "")
