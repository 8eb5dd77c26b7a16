"""Logs: what a container of a task wrote, from the runtime while it has the container, afterwards from the archive."""

import asyncio
from contextlib import aclosing

import msgspec

from quarterdeck.agents import labels
from quarterdeck.agents.archive import Archive
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.decide import comes_back, why_ending
from quarterdeck.agents.runtimes.errors import ContainerGone, RuntimeFailure, RuntimeUnavailable
from quarterdeck.agents.runtimes.port import Container, LogBatches, Runtime
from quarterdeck.agents.saver import TASK
from quarterdeck.agents.settings import Keeping
from quarterdeck.agents.task import Task
from quarterdeck.agents.tasks import Tasks
from quarterdeck.events.cursor import Cursor
from quarterdeck.events.names import NAME
from quarterdeck.events.session import LogQuery

READY_SECONDS_MAX = 5.0
POLL_SECONDS = 0.1
AGAIN_SECONDS = 1.0
NANOSECONDS = 1_000_000_000


class NoLogs(Exception):
    """There is nothing to read; says why."""


class Logs:
    """Reads logs for clients."""

    def __init__(self, runtime: Runtime, archive: Archive, tasks: Tasks, clock: Clock, keeping: Keeping) -> None:
        self._tasks = tasks
        self._runtime = runtime
        self._archive = archive
        self._clock = clock
        self._keeping = keeping

    async def read(self, task: str, container: str, query: LogQuery) -> LogBatches:
        """Give the lines asked for. Raises NoLogs and RuntimeFailure."""
        if TASK.fullmatch(task) is None or NAME.fullmatch(container) is None:
            raise NoLogs(f"{task}/{container} is not a task's id and a container's name")
        if query.follow and self._is_over(query):
            query = msgspec.structs.replace(query, follow=False)
        found = await self._find(task, container, wait=query.follow)
        cursor = Cursor(query)
        if found is not None:
            try:
                async with aclosing(self._held(task, found, cursor, query)) as batches:
                    async for batch in batches:
                        yield batch
            except ContainerGone:
                pass
            else:
                return
        async with aclosing(self._archived(task, container, cursor.again())) as batches:
            async for batch in batches:
                yield cursor.new(batch)

    def _is_over(self, query: LogQuery) -> bool:
        """Whether all that is asked for has been written: a runtime then ends what is followed at once."""
        return bool(query.until) and query.until <= self._clock.now() * NANOSECONDS

    async def _held(self, task: str, container: Container, cursor: Cursor, query: LogQuery) -> LogBatches:
        """Read what the runtime holds, and on while the container runs, or runs again."""
        while True:
            try:
                async with aclosing(self._runtime.logs(container.id, cursor.again())) as batches:
                    async for batch in batches:
                        yield cursor.new(batch)
            except RuntimeUnavailable:
                if not query.follow:
                    raise
            if not query.follow or self._is_over(query) or not await self._goes_on(task, container):
                return
            await self._clock.sleep(POLL_SECONDS)

    async def _find(self, task: str, container: str, *, wait: bool) -> Container | None:
        """The container, once it is there; None if it is not any more, or (unless ``wait``) not yet."""
        await self._ready()
        while True:
            known = self._tasks.by_id.get(task)
            found = known.containers.get(container) if known is not None else None
            if found is None and container not in _planned(known):
                return None
            if found is not None and (found.state != "created" or not wait):
                return found if found.id else None  # the id of one that was gone when the agent began is not known
            if not wait or (known is not None and why_ending(known) is not None):
                return found
            await self._clock.sleep(POLL_SECONDS)

    async def _ready(self) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                await self._tasks.ready.wait()
        except TimeoutError:
            raise NoLogs("this agent has only just begun, and does not know its containers yet: try again") from None

    async def _goes_on(self, task: str, container: Container) -> bool:
        """Whether it runs, waiting for a runtime that can't be asked, and for a restart its policy asks for."""
        while True:
            try:
                found = await self._runtime.inspect(container.id)
            except RuntimeUnavailable:
                await self._clock.sleep(AGAIN_SECONDS)
                continue
            except RuntimeFailure:
                return False
            if found.state != "exited" or not self._comes_back(task, found):
                return found.state == "running"
            await self._clock.sleep(POLL_SECONDS)

    def _comes_back(self, task: str, container: Container) -> bool:
        known = self._tasks.by_id.get(task)
        if known is None or why_ending(known) is not None:
            return False
        name = container.labels.get(labels.CONTAINER_NAME, "")
        return any(plan.name == name and comes_back(known, plan, container) for plan in known.plan.containers)

    async def _archived(self, task: str, container: str, query: LogQuery) -> LogBatches:
        why = self._archive.why(task, container)
        if why:
            raise NoLogs(why)
        known = self._tasks.by_id.get(task)
        if why is None and known is not None and container in _planned(known) - known.containers.keys():
            return  # it has not started yet
        if why is None:
            days, size = self._keeping.seconds_max / 86_400, self._keeping.bytes_max >> 20
            raise NoLogs(
                f"nothing that container {container} of task {task} wrote is kept here: an agent keeps the logs of "
                f"removed containers for {days:g} days, up to {size} MiB of all together"
            )
        async with aclosing(self._archive.read(task, container, query)) as batches:
            async for batch in batches:
                yield batch


def _planned(task: Task | None) -> set[str]:
    return {plan.name for plan in task.plan.containers} if task is not None else set()
