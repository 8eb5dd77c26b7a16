"""Performer: carries out the steps that are decided; what is in the way is retried, a verdict is noted.

A runtime that can't be asked says nothing of a container: the same again, later.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from quarterdeck.agents.backoff import Backoff
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.decide import why_ending
from quarterdeck.agents.plan import ContainerPlan
from quarterdeck.agents.runtimes.errors import (
    CannotPullContainerError,
    CannotRemoveContainerError,
    ContainerFailure,
    ContainerGone,
    ResourceInitializationError,
    RuntimeFailure,
    RuntimeUnavailable,
)
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.agents.saver import Saver
from quarterdeck.agents.settings import Settings
from quarterdeck.agents.starter import Starter
from quarterdeck.agents.task import (
    Remove,
    Restart,
    Start,
    Stop,
    Task,
    fail,
    give_up,
    looked,
    not_started,
    observe,
    vanished,
)

REMOVALS_TRIED_MAX = 5
PULLS_OR_FAILS = ("always", "once")
"""Pull behaviours with which, on ECS too, a failed pull ends the task even if its container is not essential."""

logger = structlog.get_logger(__name__)


class Performer:
    """Does things to containers and notes in their tasks what came of it."""

    def __init__(self, runtime: Runtime, starter: Starter, saver: Saver, clock: Clock, settings: Settings) -> None:
        self.starter = starter
        self._runtime = runtime
        self._saver = saver
        self._clock = clock
        self._timing = settings.timing
        self._pull_behavior = settings.images.pull_behavior
        self._removals = asyncio.Semaphore(settings.limits.removals_max)
        self._stops: dict[str, asyncio.Timeout] = {}

    async def start(self, group: asyncio.TaskGroup, task: Task, step: Start) -> None:
        """Start a container, or note why its task can't."""
        backoff = self._backoff()
        while why_ending(task) is None:
            try:
                await self.starter.start(group, task, step.container)
            except ContainerFailure as failure:
                logger.info("container failed to start", task=task.id, name=step.container.name, why=failure.reason)
                self._not_started(task, step.container, failure)
            except RuntimeFailure:
                await self._clock.sleep(backoff.next())
                continue
            return

    def _not_started(self, task: Task, plan: ContainerPlan, failure: ContainerFailure) -> None:
        """Note whose end that is: what its task is given as a whole, and an image that must be pulled, end the task."""
        must_pull = isinstance(failure, CannotPullContainerError) and self._pull_behavior in PULLS_OR_FAILS
        if must_pull or isinstance(failure, ResourceInitializationError):
            fail(task, plan.name, failure.reason)
        else:
            not_started(task, plan, failure.reason, self._clock.now())

    async def restart(self, task: Task, step: Restart) -> None:
        """Start a container again, or note why it stays as it ended."""
        backoff = self._backoff()
        while why_ending(task) is None:
            try:
                observe(task, step.name, await self.starter.again(step.container.id))
            except ContainerGone:
                vanished(task, step.name, self._clock.now())
            except ContainerFailure as failure:
                logger.info("container failed to restart", task=task.id, name=step.name, why=failure.reason)
                give_up(task, step.name, failure.reason)
            except RuntimeFailure:
                await self._clock.sleep(backoff.next())
                continue
            return

    async def stop(self, task: Task, step: Stop) -> None:
        """Stop a container, however long it takes to get through to the runtime; until it is told that it ended."""
        backoff = self._backoff()
        while True:
            try:
                await self._stopped(task, step)
            except ContainerGone:
                vanished(task, step.name, self._clock.now())
            except RuntimeFailure as failure:
                logger.warning("container not stopped yet", task=task.id, name=step.name, why=failure.reason)
                await self._clock.sleep(backoff.next())
                continue
            return

    async def _stopped(self, task: Task, step: Stop) -> None:
        """Wait for the runtime's answer, or until it has told of the end before."""
        since = task.containers.get(step.name)
        try:
            async with asyncio.timeout(None) as self._stops[step.container.id]:
                seen = await self._runtime.stop(step.container.id, step.timeout_seconds)
            looked(task, step.name, seen, since, self._clock.now())
        except TimeoutError:
            pass
        finally:
            del self._stops[step.container.id]

    def ended(self, container_id: str) -> None:
        """Do not wait any longer for the stop of this container, if there is one: the runtime has told of its end."""
        stop = self._stops.get(container_id)
        if stop is not None:
            stop.reschedule(asyncio.get_running_loop().time())

    async def remove(self, task: Task, step: Remove) -> None:
        """Remove a container, its logs kept; one that can't be is left to the next start of an agent."""
        async with self._removals:
            await self._saver.save(step.container)
            await self._removed(partial(self._runtime.remove, step.container.id), step.container.name)
        task.containers.pop(step.name, None)

    async def remove_volumes(self, volumes: tuple[str, ...]) -> None:
        """Remove a task's own volumes."""
        for name in volumes:
            await self._removed(partial(self._runtime.remove_volume, name), name)

    async def _removed(self, attempt: Callable[[], Awaitable[None]], name: str) -> None:
        backoff = self._backoff()
        for _ in range(REMOVALS_TRIED_MAX):
            try:
                await attempt()
            except (RuntimeUnavailable, CannotRemoveContainerError) as failure:
                logger.warning("not removed", name=name, why=failure.reason)
                await self._clock.sleep(backoff.next())
            else:
                return

    def _backoff(self) -> Backoff:
        return Backoff(self._timing.retry_seconds_min, self._timing.retry_seconds_max)
