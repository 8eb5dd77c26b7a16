"""Tasks: all tasks of an instance; takes in what is wanted and what is seen, and sets going what follows.

Whatever comes in, from the engine, the runtime, a step that ended or the clock, ends in the same
`_advance` of the task it is about. Tasks do not wait for one another.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

import structlog

from quarterdeck.agents import labels
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.decide import judge, next_steps
from quarterdeck.agents.performer import Performer
from quarterdeck.agents.reporter import Reporter
from quarterdeck.agents.runtimes.port import Container, Ended
from quarterdeck.agents.settings import Settings
from quarterdeck.agents.spawn import spawn
from quarterdeck.agents.task import (
    Forget,
    Remove,
    Report,
    Restart,
    Start,
    Step,
    Stop,
    Task,
    Wait,
    adopt,
    began,
    ended,
    exiting,
    fail,
    knows_of,
    looked,
    note_health,
    observe,
    vanished,
    wish,
)
from quarterdeck.agents.translate import translate
from quarterdeck.agents.untranslatable import Untranslatable
from quarterdeck.events.names import Arn, short_name
from quarterdeck.events.wanted import WantedList, WantedTask

logger = structlog.get_logger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]
"""Something to do, not begun: when everything ends, it may never be."""


class Tasks:
    """What this instance runs. Nothing is set going before both the engine and the runtime have been heard."""

    def __init__(  # noqa: PLR0913 - all that what is wanted and seen goes through
        self,
        group: asyncio.TaskGroup,
        instance: Arn,
        performer: Performer,
        reporter: Reporter,
        clock: Clock,
        settings: Settings,
        *,
        by_id: dict[str, Task],
    ) -> None:
        self.by_id = by_id
        self.listed_once = asyncio.Event()
        self.ready = asyncio.Event()
        """Set once both have been heard."""
        self._group = group
        self._instance = instance
        self._performer = performer
        self._reporter = reporter
        self._clock = clock
        self._timing = settings.timing
        self._finished_max = settings.limits.finished_max
        self._heard: dict[str, int] = {}
        self._finished: OrderedDict[str, Report] = OrderedDict()
        self._waits: dict[str, float] = {}

    # ---------------------------------------------------------------- from the engine

    def listed(self, wanted: WantedList) -> None:
        """Take a list: what it does not name, and was not heard of since, must not run."""
        for each in wanted.whole():
            self.want(each, wanted.sequence)
        named = {short_name(each.task) for each in wanted.tasks}
        for task in list(self.by_id.values()):
            if task.id not in named and self._heard.get(task.id, -1) <= wanted.sequence and task.told != "STOPPED":
                self._end(task, "UNWANTED")
        self.listed_once.set()

    def want(self, wanted: WantedTask, sequence: int) -> None:
        """Take the engine's word on one task, as of a position."""
        name = short_name(wanted.task)
        if name in self._finished:
            self._remind(name)
            return
        task = self.by_id.get(name) or self._new(name)
        self._heard[name] = max(sequence, self._heard.get(name, -1))
        if wanted.definition is not None and not task.plan.containers:
            self._plan(task, wanted)
        if wanted.last_status in {"RUNNING", "STOPPING"}:
            knows_of(task, wanted.restarts, wanted.unstarted)
        if wanted.desired_status == "STOPPED":
            self._end(task, "STOPPED")
        else:
            self._advance(task)

    def images(self) -> set[str]:
        """What its containers have, or will."""
        planned = {plan.spec.image for task in self.by_id.values() for plan in task.plan.told}
        return planned | {each.image for task in self.by_id.values() for each in task.containers.values()}

    def engine_is_back(self) -> None:
        """Lose no time in telling what waits to be told."""
        self._reporter.hurry()

    def _new(self, name: str) -> Task:
        cluster = self._instance.path[0]
        arn = self._instance.namespace.task_arn(cluster, name)
        self.by_id[name] = Task(id=name, arn=arn, cluster=cluster)
        return self.by_id[name]

    def _plan(self, task: Task, wanted: WantedTask) -> None:
        task.definition, task.group = wanted.definition, wanted.group
        try:
            task.plan = translate(wanted, task.arn, task.cluster, self._instance.path[-1])
        except Untranslatable as error:
            fail(task, "", str(error))

    def _end(self, task: Task, desired: str) -> None:
        wish(task, "STOPPED" if desired == "STOPPED" else "UNWANTED")
        self._performer.starter.abandon(task.id)
        self._advance(task)

    def _remind(self, name: str) -> None:
        """Tell again of a task that ended: a late word of the engine's, or one that has lost ours."""
        self._reporter.submit(self._group, self._finished[name], self._taken)

    # ---------------------------------------------------------------- from the runtime

    def found(self, containers: Iterable[Container]) -> list[tuple[str, str]]:
        """Take all that the runtime holds of this instance; gives those (task, container) known otherwise."""
        listed = set()
        for container in containers:
            listed.add((container.id, container.state))
            name = short_name(container.labels.get(labels.TASK_ARN, ""))
            if not name:
                continue
            task = self.by_id.get(name)
            if task is None:
                task = self._new(name)
                wish(task, "UNWANTED")
            observe(task, container.labels.get(labels.CONTAINER_NAME, container.name), container)
        if not self.ready.is_set():
            self._adopt()
        for task in list(self.by_id.values()):
            self._advance(task)
        return [
            (task.id, name)
            for task in self.by_id.values()
            for name, container in task.containers.items()
            if container.state != "exited" and (container.id, container.state) not in listed
        ]

    def _adopt(self) -> None:
        self.ready.set()
        for task in self.by_id.values():
            if task.wish == "RUNNING":
                adopt(task, self._clock.now())

    def known(self, task_id: str, name: str) -> Container | None:
        """What is known of one container."""
        task = self.by_id.get(task_id)
        return None if task is None else task.containers.get(name)

    def seen(self, task_id: str, name: str, container: Container, since: Container | None) -> None:
        """Take how one container is, by a look that began when ``since`` was known of it."""
        task = self.by_id.get(task_id)
        if task is not None:
            looked(task, name, container, since, self._clock.now())
            self._advance(task)

    def ended(self, task_id: str, name: str, container_id: str, how: Ended) -> bool:
        """Take the runtime's word on the end of a run; False where it has to be looked at."""
        task = self.by_id.get(task_id)
        if task is None or not ended(task, name, container_id, how):
            return False
        self._performer.ended(container_id)
        self._advance(task)
        return True

    def exiting(self, task_id: str, name: str, container_id: str) -> None:
        """Take note that nothing runs in a container any more."""
        task = self.by_id.get(task_id)
        if task is not None and exiting(task, name, container_id):
            self._advance(task)

    def gone(self, task_id: str, name: str, container_id: str) -> None:
        """Take note that a container is not there."""
        task = self.by_id.get(task_id)
        known = self.known(task_id, name)
        if task is not None and known is not None and known.id == container_id:
            vanished(task, name, self._clock.now())
            self._advance(task)

    # ---------------------------------------------------------------- what follows

    def _advance(self, task: Task) -> None:
        if not self.ready.is_set() or self.by_id.get(task.id) is not task:
            return
        now = self._clock.now()
        note_health(task, now)
        judge(task, now)
        for step in next_steps(task, now, self._timing):
            began(task, step)
            self._begin(task, step)

    def _begin(self, task: Task, step: Step) -> None:
        match step:
            case Start():
                self._spawn(task, step.container.name, partial(self._performer.start, self._group, task, step))
            case Restart():
                self._spawn(task, step.name, partial(self._performer.restart, task, step))
            case Stop():
                self._spawn(task, step.name, partial(self._performer.stop, task, step))
            case Remove():
                self._spawn(task, step.name, partial(self._performer.remove, task, step))
            case Report():
                self._reporter.submit(self._group, step, self._taken)
            case Wait():
                self._wait(task, step.until)
            case Forget():
                self._forget(task, step.volumes)

    def _spawn(self, task: Task, name: str, work: Work) -> None:
        spawn(self._group, self._perform(task, name, work), name=f"container {name} of task {task.id}")

    async def _perform(self, task: Task, name: str, work: Work) -> None:
        await work()
        task.busy.discard(name)
        self._advance(task)

    def _taken(self, report: Report) -> None:
        if report.request.status != "STOPPED":
            return
        self._finished[report.task] = report
        if len(self._finished) > self._finished_max:
            self._finished.popitem(last=False)
        task = self.by_id.get(report.task)
        if task is not None:
            task.settled_at = task.settled_at or self._clock.now()
            self._advance(task)

    def _wait(self, task: Task, until: float) -> None:
        if self._waits.get(task.id, float("inf")) > until:
            self._waits[task.id] = until
            spawn(self._group, self._wake(task, until), name=f"wait of task {task.id}")

    async def _wake(self, task: Task, until: float) -> None:
        await self._clock.sleep(max(0.0, until - self._clock.now()))
        if self._waits.get(task.id) == until:
            del self._waits[task.id]
        self._advance(task)

    def _forget(self, task: Task, volumes: tuple[str, ...]) -> None:
        del self.by_id[task.id]
        self._heard.pop(task.id, None)
        if volumes:
            spawn(self._group, self._performer.remove_volumes(volumes), name=f"volumes of task {task.id}")
