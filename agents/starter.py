"""Starter: brings containers to run, a bounded number at a time; images are pulled only if they are missing.

Pulls do not take the place of starts, tasks that need the same image share one pull, and a task that
is to end does not wait for its pull.
"""

import asyncio

from quarterdeck.agents.clock import Clock
from quarterdeck.agents.decide import why_ending
from quarterdeck.agents.plan import ContainerPlan
from quarterdeck.agents.runtimes.errors import CannotPullContainerError, ImageMissing, RuntimeFailure
from quarterdeck.agents.runtimes.port import Container, Runtime
from quarterdeck.agents.task import Task, observe


class Starter:
    """Creates and starts containers of tasks."""

    def __init__(self, runtime: Runtime, clock: Clock, starts_max: int) -> None:
        self._runtime = runtime
        self._clock = clock
        self._slots = asyncio.Semaphore(starts_max)
        self._pulls: dict[str, asyncio.Task[RuntimeFailure | None]] = {}
        self._waiting: dict[str, asyncio.Timeout] = {}

    async def start(self, group: asyncio.TaskGroup, task: Task, plan: ContainerPlan) -> None:
        """Let the container run, unless its task is to end meanwhile. Raises RuntimeFailure."""
        try:
            await self._run(task, plan)
        except ImageMissing:
            if await self._pull(group, task, plan.spec.image):
                await self._run_pulled(task, plan)

    async def again(self, container_id: str) -> Container:
        """Let a container that ended run once more. Raises RuntimeFailure."""
        async with self._slots:
            return await self._runtime.start(container_id)

    def abandon(self, task_id: str) -> None:
        """Do not wait any longer for the image of this task."""
        waiting = self._waiting.get(task_id)
        if waiting is not None:
            waiting.reschedule(asyncio.get_running_loop().time())

    async def _run(self, task: Task, plan: ContainerPlan) -> None:
        async with self._slots:
            if why_ending(task) is not None:
                return
            # Whether an earlier attempt had an effect is unknown: what ran already must not run again.
            again = plan.name in task.containers
            container_id = await self._runtime.create(plan.spec)
            spec = plan.spec
            observe(task, plan.name, Container(container_id, spec.name, spec.labels, "created", spec.image))
            seen = await self._runtime.inspect(container_id) if again else None
            if seen is None or seen.state == "created":
                seen = await self._runtime.start(container_id)
            observe(task, plan.name, seen)

    async def _run_pulled(self, task: Task, plan: ContainerPlan) -> None:
        try:
            await self._run(task, plan)
        except ImageMissing as error:
            raise CannotPullContainerError(f"{error.detail} (after a pull)") from error

    async def _pull(self, group: asyncio.TaskGroup, task: Task, image: str) -> bool:
        """Wait for the image; False if the task is to end meanwhile."""
        if image not in self._pulls:
            self._pulls[image] = group.create_task(self._pull_once(image), name=f"pull of {image}")
        pull = self._pulls[image]
        task.pull_started_at = task.pull_started_at or self._clock.now()
        try:
            async with asyncio.timeout(None) as self._waiting[task.id]:
                await asyncio.wait({pull})
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(task.id, None)
        task.pull_stopped_at = self._clock.now()
        if (failure := pull.result()) is not None:
            raise type(failure)(failure.detail)
        return True

    async def _pull_once(self, image: str) -> RuntimeFailure | None:
        try:
            await self._runtime.pull(image)
        except RuntimeFailure as failure:
            return failure
        finally:
            del self._pulls[image]
        return None
