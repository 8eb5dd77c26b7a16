"""Decide: what one task needs next, from what is wanted and what is observed. Pure; each step says why.

A driver notes what it sees in a `Task`, lets `judge` draw conclusions, asks for `next_steps`, notes those
it begins, carries them out, and so on until nothing is left to do.
"""

from collections.abc import Iterator

from quarterdeck.agents.plan import Condition, ContainerPlan, Dependency
from quarterdeck.agents.report import STATUS, health, pending, running, stopped, stopping
from quarterdeck.agents.runtimes.port import Container
from quarterdeck.agents.settings import Timing
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
    fail,
    has_started,
    is_exiting,
)

ESSENTIAL_EXITED = "Essential container in task exited"
DEEDS: dict[Condition, str] = {
    "START": "start",
    "COMPLETE": "complete",
    "SUCCESS": "succeed",
    "HEALTHY": "become HEALTHY",
}


def judge(task: Task, now: float) -> None:
    """Take note of dependencies that can not be met any more: that stays, whatever happens afterwards."""
    if why_ending(task) is None:
        for plan in _unstarted(task):
            if reason := _hopeless(task, plan, now):
                fail(task, plan.name, reason)
        if _stuck(task):
            fail(task, "", "TaskDependencyError: its containers wait for one another")


def _stuck(task: Task) -> bool:
    """Whether nothing runs that those who wait could wait for."""
    waiting = [plan for plan in _unstarted(task) if not all(_met(task, each) for each in plan.after)]
    moving = any(each.state == "running" for each in task.containers.values()) or any(_restarts(task))
    return bool(waiting) and len(waiting) == len(list(_unstarted(task))) and not task.busy and not moving


def next_steps(task: Task, now: float, timing: Timing) -> list[Step]:
    """What is to be done now; nothing while everything is under way."""
    if task.told == "STOPPED":
        return _clear(task, now, timing)
    ending = why_ending(task)
    steps: list[Step] = list(_running_report(task, ending))
    if ending is None and _is_left(task):
        return [*steps, stopping(task)]
    if ending is None:
        steps += [*_restarts(task), *_starts(task, now)]
        return steps + list(_changes(task, steps, now, timing))
    if stops := list(_stops(task, ending, timing)):
        return steps + list(stops)
    if task.busy or any(each.state == "running" for each in task.containers.values()):
        return steps
    if task.wish == "UNWANTED":
        return _clear(task, now, timing)
    return [*steps, stopped(task, _exited(task))]


def why_ending(task: Task) -> str | None:
    """Why the task has to end, None while it may go on."""
    if task.wish != "RUNNING":
        return f"desired status is {task.wish}"
    if task.failure:
        return task.failure
    if task.told == "STOPPING":
        return ESSENTIAL_EXITED
    for plan in task.plan.containers:
        if plan.essential and _is_over(task, plan):
            return f"{ESSENTIAL_EXITED}: {plan.name}"
    return None


def _is_left(task: Task) -> bool:
    """Whether a task told RUNNING has ended by itself, and only has to be taken apart: nothing runs, or comes back."""
    there = [(plan, task.containers[plan.name]) for plan in task.plan.told if plan.name in task.containers]
    running = [(plan, container) for plan, container in there if container.state == "running"]
    leaving = all(is_exiting(task, container) and plan.restart is None for plan, container in running)
    return task.told == "RUNNING" and not task.busy and leaving and any(plan.essential for plan, _ in running)


def _is_over(task: Task, plan: ContainerPlan) -> bool:
    """Whether a container has ended and stays so."""
    container = task.containers.get(plan.name)
    return container is not None and container.state == "exited" and not comes_back(task, plan, container)


def comes_back(task: Task, plan: ContainerPlan, container: Container) -> bool:
    """Whether its restart policy has a container that ended started again; one that is gone can't be."""
    policy = plan.restart
    if policy is None or plan.name in task.given_up or container.exit_code in {None, *policy.ignored_exit_codes}:
        return False
    if container.started_at is None or container.finished_at is None:
        return False
    return container.finished_at - container.started_at >= policy.period_seconds


def _restarts(task: Task) -> Iterator[Restart]:
    for plan in task.plan.containers:
        container = task.containers.get(plan.name)
        if container is None or container.state != "exited" or plan.name in task.busy:
            continue
        if comes_back(task, plan, container):
            yield Restart(container, plan.name, f"its restart policy, after exit code {container.exit_code}")


def _state(task: Task, name: str) -> str:
    container = task.containers.get(name)
    return "absent" if container is None else container.state


def _unstarted(task: Task) -> Iterator[ContainerPlan]:
    return (plan for plan in task.plan.containers if _state(task, plan.name) in {"absent", "created"})


def _starts(task: Task, now: float) -> Iterator[Step]:
    """One at a time, in the order of the definition, as far as dependencies allow."""
    if task.busy:
        return
    waiting: list[float] = []
    for plan in _unstarted(task):
        if all(_met(task, each) for each in plan.after):
            yield Start(plan, "wanted and not running")
            return
        waiting += [deadline for each in plan.after if (deadline := _deadline(task, each)) is not None]
    if waiting:
        yield Wait(max(now, min(waiting)), "a dependency has until then")


def _met(task: Task, dependency: Dependency) -> bool:
    container = task.containers.get(dependency.container)
    if container is None or not has_started(container):
        return False
    match dependency.condition:
        case "START":
            return True
        case "COMPLETE":
            return _is_over(task, _plan(task, dependency.container))
        case "SUCCESS":
            return _is_over(task, _plan(task, dependency.container)) and container.exit_code == 0
        case "HEALTHY":
            return container.health == "HEALTHY"


def _plan(task: Task, name: str) -> ContainerPlan:
    return next(plan for plan in task.plan.containers if plan.name == name)


def _deadline(task: Task, dependency: Dependency) -> float | None:
    """Until when a started container has to do what another waits for."""
    container = task.containers.get(dependency.container)
    if container is None or container.started_at is None or _met(task, dependency):
        return None
    seconds = _plan(task, dependency.container).start_timeout_seconds
    return None if seconds is None else container.started_at + seconds


def _hopeless(task: Task, plan: ContainerPlan, now: float) -> str | None:
    for each in plan.after:
        container = task.containers.get(each.container)
        if container is None or _met(task, each):
            continue
        if _is_over(task, _plan(task, each.container)):
            code = container.exit_code
            how = f", which exited with {code}" if code is not None else f": {container.reason}"
            return f"TaskDependencyError: {plan.name} needs {each.container}{how}"
        deadline = _deadline(task, each)
        if deadline is not None and deadline <= now:
            return f"TaskDependencyError: {plan.name} waited too long for {each.container} to {DEEDS[each.condition]}"
    return None


def _stops(task: Task, ending: str, timing: Timing) -> Iterator[Stop]:
    """All that run, those that others depend on after those others."""
    plans = {plan.name: plan for plan in task.plan.containers}
    needed = {each.container for name, plan in plans.items() if _state(task, name) == "running" for each in plan.after}
    for name, container in task.containers.items():
        if container.state == "running" and not {name} & (needed | task.busy) and not is_exiting(task, container):
            plan = plans.get(name)
            own = plan.stop_timeout_seconds if plan is not None else None
            yield Stop(container, name, timing.stop_timeout_seconds if own is None else own, ending)


def _running_report(task: Task, ending: str | None) -> Iterator[Report]:
    """RUNNING is told once all essential containers have started, even if one of them is over already."""
    essential = [task.containers.get(plan.name) for plan in task.plan.containers if plan.essential]
    if task.told or task.wish == "UNWANTED" or not essential:
        return
    if all(container is not None and has_started(container) for container in essential):
        # The report of its end, right behind this one, has the containers as they are by then. Those that are not there
        # yet are named too: the engine takes the others to be RUNNING as their task.
        names = [] if ending else [plan.name for plan in task.plan.told]
        yield running(task, names)


def _changes(task: Task, before: list[Step], now: float, timing: Timing) -> Iterator[Report | Wait]:
    """What has happened since to containers that do not decide over the task, or while others hold it up."""
    changed = [plan.name for plan in task.plan.told if _is_news(task, plan)]
    if not changed or any(isinstance(each, Report) for each in before):
        return
    if task.told:
        yield running(task, changed)
    elif not task.busy and all(isinstance(each, Wait) for each in before):
        since = min((each.started_at for each in task.containers.values() if each.started_at is not None), default=now)
        due = since + timing.pending_seconds
        yield pending(task, changed) if due <= now else Wait(due, "the others may start until then")


def _is_news(task: Task, plan: ContainerPlan) -> bool:
    """Whether the engine knows otherwise; what comes back at once has not ended."""
    name, container = plan.name, task.containers.get(plan.name)
    if container is None or container.state == "created" or (container.state == "exited" and not _is_over(task, plan)):
        return False
    return (
        STATUS[container.state] != task.told_containers.get(name)
        or (health(plan, container) or "") not in {"", task.told_health.get(name)}
        or task.restarts.get(name, 0) != task.told_restarts.get(name, 0)
    )


def _exited(task: Task) -> str | None:
    """ECS's words, for a task that nobody stopped."""
    return ESSENTIAL_EXITED if task.wish == "RUNNING" else None


def _clear(task: Task, now: float, timing: Timing) -> list[Step]:
    """Remove what is left, a while after the end; it has to be known to the engine, or of no interest to it."""
    ended = max((each.finished_at or 0.0 for each in task.containers.values()), default=0.0)
    since = ended if task.wish == "UNWANTED" and task.settled_at is None else task.settled_at
    if since is None or task.busy:
        return []
    if not task.containers:
        return [Forget(tuple(sorted(task.volumes)))]
    if since + timing.keep_stopped_seconds > now:
        return [Wait(since + timing.keep_stopped_seconds, "stopped containers are kept for a while")]
    return [Remove(container, name, "its task is over") for name, container in task.containers.items()]
