"""Starter: brings containers to run, a bounded number at a time, with their images (`images`).

Pulls do not take the place of starts, and a task that is to end does not wait for its pull. A pull that takes
long is told of, at growing distances, as the reason why its container is PENDING.
"""

import asyncio
from collections.abc import Callable

from quarterdeck.agents.clock import Clock
from quarterdeck.agents.decide import why_ending
from quarterdeck.agents.images import Images, Pull
from quarterdeck.agents.plan import ContainerPlan
from quarterdeck.agents.provision import Provision
from quarterdeck.agents.report import pulling
from quarterdeck.agents.runtimes.errors import (
    CannotPullContainerError,
    CannotStartContainerError,
    ContainerStuck,
    ImageMissing,
)
from quarterdeck.agents.runtimes.port import Container, Runtime
from quarterdeck.agents.task import Report, Task, discard, observe

TELL_SECONDS_MIN = 2.0
TELL_SECONDS_MAX = 300.0

Tell = Callable[[Report], None]


class Starter:
    """Creates and starts containers of tasks."""

    def __init__(
        self,
        runtime: Runtime,
        images: Images,
        provision: Provision,
        clock: Clock,
        starts_max: int,
        tell: Tell,
    ) -> None:
        self._runtime = runtime
        self._provision = provision
        self._images = images
        self._clock = clock
        self._tell = tell
        self._slots = asyncio.Semaphore(starts_max)
        self._waiting: dict[str, asyncio.Timeout] = {}

    async def start(self, group: asyncio.TaskGroup, task: Task, plan: ContainerPlan) -> None:
        """Let the container run, unless its task is to end meanwhile. Raises RuntimeFailure."""
        image = plan.spec.image
        if plan.name not in task.containers and not plan.internal and self._images.asks_first(image):
            if await self._pull(group, task, plan):
                await self._run_pulled(task, plan)
            return
        try:
            await self._run(task, plan)
        except ImageMissing:
            if await self._pull(group, task, plan):
                await self._run_pulled(task, plan)

    async def again(self, container_id: str) -> Container:
        """Let a container that ended run once more. Raises RuntimeFailure."""
        async with self._slots:
            try:
                return await self._runtime.start(container_id)
            except ContainerStuck as stuck:  # what has run is not made anew
                raise CannotStartContainerError(stuck.detail) from stuck

    def abandon(self, task_id: str) -> None:
        """Do not wait any longer for the image of this task."""
        waiting = self._waiting.get(task_id)
        if waiting is not None:
            waiting.reschedule(asyncio.get_running_loop().time())

    async def _run(self, task: Task, plan: ContainerPlan) -> None:
        spec = await self._provision.spec(task, plan)
        async with self._slots:
            if why_ending(task) is not None:
                return
            # Whether an earlier attempt had an effect is unknown: what ran already must not run again.
            again = plan.name in task.containers
            container_id = await self._runtime.create(spec)
            self._images.used(spec.image)
            observe(task, plan.name, Container(container_id, spec.name, spec.labels, "created", spec.image))
            seen = await self._runtime.inspect(container_id) if again else None
            if seen is None or seen.state == "created":
                seen = await self._started(task, plan, container_id)
            observe(task, plan.name, seen)

    async def _started(self, task: Task, plan: ContainerPlan, container_id: str) -> Container:
        try:
            return await self._runtime.start(container_id)
        except ContainerStuck:
            discard(task, plan.name)
            await self._runtime.remove(container_id)
            raise

    async def _run_pulled(self, task: Task, plan: ContainerPlan) -> None:
        try:
            await self._run(task, plan)
        except ImageMissing as error:
            raise CannotPullContainerError(f"{error.detail} (after a pull)") from error

    async def _pull(self, group: asyncio.TaskGroup, task: Task, plan: ContainerPlan) -> bool:
        """Wait for the image; False if the task is to end meanwhile."""
        credentials = await self._provision.credentials(task, plan)
        if why_ending(task) is not None:  # since before there was anything to abandon
            return False
        pull = self._images.pull(group, plan.spec.image, credentials)
        assert pull.work is not None
        task.pull_started_at = task.pull_started_at or self._clock.now()
        telling = group.create_task(self._tell_of(pull, task, plan), name=f"progress of {plan.spec.image}")
        try:
            async with asyncio.timeout(None) as self._waiting[task.id]:
                await asyncio.wait({pull.work})
        except TimeoutError:
            return False
        finally:
            telling.cancel()
            self._waiting.pop(task.id, None)
        task.pull_stopped_at = self._clock.now()
        if (failure := pull.work.result()) is not None:
            raise type(failure)(failure.detail)
        return True

    async def _tell_of(self, pull: Pull, task: Task, plan: ContainerPlan) -> None:
        seconds = TELL_SECONDS_MIN
        while True:
            await self._clock.sleep(seconds)
            seconds = min(seconds * 2, TELL_SECONDS_MAX)
            self._tell(pulling(task, plan.name, f"Pulling image {plan.spec.image}: {pull.progress}"))
