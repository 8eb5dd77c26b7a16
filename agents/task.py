"""Task: what is wanted and what is observed of one task, and the steps there can be. Pure.

What is observed of a run only moves forward: created, running, exited; a later run is later than all of an earlier
one. What to do next is decided in ``decide``.
"""

from typing import Literal

import msgspec

from quarterdeck.agents.labels import task_volumes
from quarterdeck.agents.plan import ContainerPlan, TaskPlan
from quarterdeck.agents.runtimes.health import Health
from quarterdeck.agents.runtimes.port import OUT_OF_MEMORY, Container, Ended
from quarterdeck.events import shapes

VANISHED = "ContainerVanishedError: No container matching saved ID found"
"""As the ECS agent says of a container that somebody else removed."""
REASON_CHARACTERS_MAX = 1024
RANK = {"created": 0, "running": 1, "exited": 2}

Wish = Literal["RUNNING", "STOPPED", "UNWANTED"]
Told = Literal["", "RUNNING", "STOPPING", "STOPPED"]
TOLD: dict[str, Told] = {"RUNNING": "RUNNING", "STOPPING": "STOPPING", "STOPPED": "STOPPED"}
WISHES: dict[Wish, int] = {"RUNNING": 0, "STOPPED": 1, "UNWANTED": 2}


class Task(msgspec.Struct, kw_only=True):
    """A task as its agent sees it. UNWANTED is one the engine does not list: nobody hears of it any more."""

    id: str
    arn: str
    cluster: str
    wish: Wish = "RUNNING"
    plan: TaskPlan = TaskPlan()
    definition: shapes.TaskDefinition | None = None
    group: str = ""
    containers: dict[str, Container] = {}
    busy: set[str] = set()
    """Containers that a step is at work on."""
    failure: str = ""
    """Why it can not start."""
    failed_container: str = ""
    told: Told = ""
    told_containers: dict[str, str] = {}
    told_health: dict[str, str] = {}
    health_since: dict[str, tuple[Health | None, float]] = {}
    """What each container's health check says, and since when."""
    restarts: dict[str, int] = {}
    """How often containers were started again in place."""
    told_restarts: dict[str, int] = {}
    given_up: set[str] = set()
    """Containers that could not be started again."""
    volumes: set[str] = set()
    """Volumes that end with it."""
    discarded: set[str] = set()
    """Ids of containers that never ran and are replaced: what is heard of them is of the past."""
    exiting: dict[str, float | None] = {}
    """Ids of containers in which nothing runs any more, though how they ended is not known, and when that run began."""
    settled_at: float | None = None
    """When the engine had taken the report of its end."""
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None


class Start(msgspec.Struct, frozen=True):
    """Create the container and start it."""

    container: ContainerPlan
    reason: str


class Restart(msgspec.Struct, frozen=True):
    """Start a container again that has ended."""

    container: Container
    name: str
    reason: str


class Stop(msgspec.Struct, frozen=True):
    """End a running container."""

    container: Container
    name: str
    timeout_seconds: float
    reason: str


class Remove(msgspec.Struct, frozen=True):
    """Forget a container that does not run."""

    container: Container
    name: str
    reason: str


class Report(msgspec.Struct, frozen=True):
    """Tell the engine."""

    task: str
    request: shapes.SubmitTaskStateChangeRequest


class Wait(msgspec.Struct, frozen=True):
    """Ask again at that moment (seconds since the epoch)."""

    until: float
    reason: str


class Forget(msgspec.Struct, frozen=True):
    """Nothing is left of it but these volumes."""

    volumes: tuple[str, ...] = ()


Step = Start | Restart | Stop | Remove | Report | Wait | Forget


def observe(task: Task, name: str, container: Container) -> None:
    """Take note of how a container is; word of an earlier state changes nothing."""
    known = task.containers.get(name)
    if container.id in task.discarded:
        return
    if known is None or known.id != container.id or _age(container) >= _age(known):
        _take(task, name, container)


def _take(task: Task, name: str, container: Container) -> None:
    known = task.containers.get(name)
    if known is not None and known.id == container.id:  # what was bound, and when it began, stays known
        ports, started_at = container.ports or known.ports, container.started_at or known.started_at
        container = msgspec.structs.replace(container, ports=ports, started_at=started_at)
    task.containers[name] = container
    task.volumes.update(task_volumes(container.labels))


def _age(container: Container) -> tuple[float, int]:
    """How far its runs have come; of a run that nobody saw begin, only that it was after the creation is known."""
    at_least = container.created_at if container.state != "created" else None
    return container.started_at or at_least or 0.0, RANK[container.state]


def looked(task: Task, name: str, container: Container, since: Container | None, now: float) -> None:
    """Take note of what a look says that began when ``since`` was known.

    If that still is what is known, the look is later word: where it says that a run never was, that run is over.
    """
    known = task.containers.get(name)
    if known is None or known is not since or known.id != container.id or known.state != "running":
        observe(task, name, container)
    elif container.state == "created":
        vanished(task, name, now)
    else:
        _take(task, name, container)


def ended(task: Task, name: str, container_id: str, how: Ended) -> bool:
    """Take the runtime's word on the end of a run; False where that is not enough, and has to be looked at.

    It may be of an earlier run. And whoever is told of the end may use the container's host ports: they must be free.
    """
    known = task.containers.get(name)
    if known is None or known.id != container_id or known.state != "running" or known.ports:
        return False
    if known.started_at is None or how.at <= known.started_at:
        return False
    task.containers[name] = msgspec.structs.replace(
        known,
        state="exited",
        exit_code=how.exit_code,
        reason=OUT_OF_MEMORY if how.oom_killed else None,
        finished_at=how.at,
        addresses=(),
        mac_address="",
        oom_killed=how.oom_killed,
        health=None,
    )
    return True


def exiting(task: Task, name: str, container_id: str) -> bool:
    """Take note that nothing runs in a container any more; whether that is news."""
    known = task.containers.get(name)
    if known is None or known.id != container_id or known.state != "running":
        return False
    task.exiting[container_id] = known.started_at
    return True


def is_exiting(task: Task, container: Container) -> bool:
    """Whether a container that counts as running only has to be taken apart."""
    return container.state == "running" and task.exiting.get(container.id, 0.0) == container.started_at


def discard(task: Task, name: str) -> None:
    """Take note that another container will take the place of one that never ran."""
    known = task.containers.pop(name, None)
    if known is not None:
        task.discarded.add(known.id)


def note_health(task: Task, now: float) -> None:
    """Take note of since when the health of its containers is what it is."""
    for name, container in task.containers.items():
        if container.health != task.health_since.get(name, (None, 0.0))[0]:
            task.health_since[name] = container.health, now


def vanished(task: Task, name: str, now: float) -> None:
    """Take note that a container is not there any more: if it had not ended, it has now."""
    known = task.containers.get(name)
    if known is not None and known.state != "exited":
        task.containers[name] = msgspec.structs.replace(known, state="exited", finished_at=now, reason=VANISHED)


def give_up(task: Task, name: str, reason: str) -> None:
    """Take note that a container that ended can not be started again, and why."""
    task.given_up.add(name)
    task.containers[name] = msgspec.structs.replace(task.containers[name], reason=reason[:REASON_CHARACTERS_MAX])


def knows_of(task: Task, restarts: dict[str, int], unstarted: tuple[str, ...] = ()) -> None:
    """Take note that the engine has it RUNNING: that need not be told again, only what is otherwise by now."""
    if not task.told:
        task.told = "RUNNING"
        task.restarts, task.told_restarts = dict(restarts), dict(restarts)
        names = [plan.name for plan in task.plan.containers]
        task.told_containers = {name: "PENDING" if name in unstarted else "RUNNING" for name in names}


def adopt(task: Task, now: float) -> None:
    """Conclude from the containers found which have been here and are gone.

    Of a task told RUNNING, all have been but those told PENDING. Else containers without dependencies start in order:
    where a later one is, an earlier one was.
    """
    plans = task.plan.containers
    ran = task.told == "RUNNING"
    last = max((index for index, plan in enumerate(plans) if plan.name in task.containers), default=-1)
    for plan in plans if ran else plans[: last + 1]:
        been = (ran or not plan.after) and task.told_containers.get(plan.name) != "PENDING"
        if been and plan.name not in task.containers:
            _over(task, plan, VANISHED, now)


def not_started(task: Task, plan: ContainerPlan, reason: str, now: float) -> None:
    """Take note that a container can't start: the end of its task if it is essential, else only its own (spec §5.3)."""
    if plan.essential:
        fail(task, plan.name, reason)
    else:
        _over(task, plan, reason[:REASON_CHARACTERS_MAX], now)


def _over(task: Task, plan: ContainerPlan, reason: str, now: float) -> None:
    """Take note that a container never runs, or not any more; what was created of it is kept in mind, to be removed."""
    known, spec = task.containers.get(plan.name), plan.spec
    made = known if known is not None else Container("", spec.name, spec.labels, "created", spec.image)
    task.containers[plan.name] = msgspec.structs.replace(made, state="exited", reason=reason, finished_at=now)


def fail(task: Task, name: str, reason: str) -> None:
    """Take note that the task can't start, because of one of its containers or (name empty) altogether."""
    if not task.failure:
        task.failure, task.failed_container = reason[:REASON_CHARACTERS_MAX], name


def wish(task: Task, wanted: Wish) -> None:
    """Take note of what the engine wants; it never goes back to RUNNING."""
    if WISHES[wanted] > WISHES[task.wish]:
        task.wish = wanted


def has_started(container: Container) -> bool:
    """Whether it ever ran."""
    return container.state == "running" or (container.state == "exited" and container.started_at is not None)


def began(task: Task, step: Step) -> None:
    """Take note that a step is being carried out."""
    match step:
        case Start(container=plan):
            task.busy.add(plan.name)
            task.volumes.update(task_volumes(plan.spec.labels))  # made even if the container can't be
        case Restart(name=name):
            task.busy.add(name)
            task.restarts[name] = task.restarts.get(name, 0) + 1
        case Stop(name=name) | Remove(name=name):
            task.busy.add(name)
        case Report(request=request):
            task.told = TOLD.get(request.status or "", task.told)
            for change in request.containers or []:
                name = change.container_name or ""
                task.told_containers[name] = change.status or ""
                task.told_health[name] = change.health_status or ""
                task.told_restarts[name] = change.restart_count or 0
        case Wait() | Forget():
            pass
