"""Reconcile: what one service needs now, decided from its state alone (spec §8.4, §9.3).

Called on every event that may matter and by a ticker; both get the same answer. One pass makes a
bounded number of steps and says whether another is due.
"""

from collections.abc import Iterator

import msgspec

from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.placement import Unplaceable, closest, place
from quarterdeck.engine.core.scale_in import in_scale_in_order
from quarterdeck.engine.core.tags import managed_tags
from quarterdeck.engine.core.task import bind
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.service import (
    DeploymentCompleted,
    ServiceDeploymentBlocked,
    ServiceDrained,
    ServiceScaleInBlocked,
    ServiceSteadyStateReached,
    ServiceTaskPlacementFailed,
    ServiceTaskStartImpaired,
)
from quarterdeck.events.task import TaskRequested, TaskStopRequested
from quarterdeck.projections.live.service import NO_INSTANCES
from quarterdeck.projections.live.states import ClusterState, DeploymentState, ServiceState, TaskState
from quarterdeck.projections.live.task_definition import find

STEPS_PER_PASS_MAX = 100
FAILURES_FREE = 3
DELAY_SECONDS_FIRST = 10.0
DELAY_SECONDS_MAX = 27 * 60.0


class Next(msgspec.Struct, frozen=True):
    """When to look again: at once, when there is room, or at a time (seconds since the epoch)."""

    again: bool = False
    waits_for_room: bool = False
    at: float | None = None


class Counts(msgspec.Struct):
    """A service's tasks by what a deployment may do with them.

    fresh   of the PRIMARY deployment, desired RUNNING, where they can stay
    stale   desired RUNNING, to be replaced: of older deployments, or on DRAINING instances
    away    of the PRIMARY, on instances whose agent is lost: replaced, and stopped when it is back
    rolling whether any task is being replaced, or still stopping because it was; one whose agent is
            lost is not waited for
    """

    fresh: list[TaskState] = []
    stale: list[TaskState] = []
    away: list[TaskState] = []
    rolling: bool = False


def reconcile(turn: Turn, cluster: ClusterState, service: ServiceState) -> Next:
    """Bring a service one pass closer to what it should be."""
    if service.status == "DRAINING":
        return _drain(turn, cluster, service)
    if service.status != "ACTIVE":
        return Next()
    if _is_settled(cluster, service):
        return _settle(turn, cluster, service)
    return _work(turn, cluster, service, _count(cluster, service))


def start_delay(failures: int) -> float:
    """Seconds to wait after so many starts failed in a row (spec §8.6)."""
    if failures < FAILURES_FREE:
        return 0.0
    return float(min(DELAY_SECONDS_FIRST * 2.0 ** min(failures - FAILURES_FREE, 16), DELAY_SECONDS_MAX))


def _work(turn: Turn, cluster: ClusterState, service: ServiceState, counts: Counts) -> Next:
    missing = service.desired_count - len(counts.fresh)
    if missing < 0:
        return _scale_in(turn, cluster, service, counts.fresh, -missing)
    if counts.stale or counts.rolling:
        return _replace(turn, cluster, service, counts, missing)
    if missing:
        return _start(turn, cluster, service, counts.away, missing)
    if counts.away:
        return _stop(turn, cluster, service, iter(counts.away), len(counts.away))
    return _settle(turn, cluster, service)


def _scale_in(turn: Turn, cluster: ClusterState, service: ServiceState, fresh: list[TaskState], excess: int) -> Next:
    spare = [each for each in fresh if each.id not in cluster.protected]
    if len(spare) < excess and not service.scale_in_blocked:
        primary, held = service.deployments[0], len(fresh) - len(spare)
        turn.emit(
            ServiceScaleInBlocked(cluster=cluster.name, service=service.name, deployment=primary.id, protected=held)
        )
    count = min(excess, len(spare))
    return _stop(turn, cluster, service, in_scale_in_order(cluster, service, spare), count)


def _is_settled(cluster: ClusterState, service: ServiceState) -> bool:
    return (
        len(service.deployments) == 1
        and not service.away
        and service.wanted == service.desired_count
        and not cluster.draining
    )


def _settle(turn: Turn, cluster: ClusterState, service: ServiceState) -> Next:
    primary = service.deployments[0]
    if service.running == service.desired_count:
        if not primary.completed:
            turn.emit(DeploymentCompleted(cluster=cluster.name, service=service.name, deployment=primary.id))
        if not service.steady:
            turn.emit(ServiceSteadyStateReached(cluster=cluster.name, service=service.name))
    return Next()


def _count(cluster: ClusterState, service: ServiceState) -> Counts:
    counts = Counts()
    for deployment in service.deployments:
        primary = deployment is service.deployments[0]
        for name in deployment.tasks:
            task = cluster.tasks[name]
            instance = cluster.instances[task.instance]
            replaced = not primary or (instance.status == "DRAINING" and not instance.lost)
            counts.rolling = counts.rolling or (replaced and not instance.lost)
            if task.desired_status != "RUNNING":
                continue
            if replaced:
                counts.stale.append(task)
            elif instance.lost:
                counts.away.append(task)
            else:
                counts.fresh.append(task)
    return counts


def _present(cluster: ClusterState, service: ServiceState) -> int:
    lost = sum(
        1
        for deployment in service.deployments
        for name in deployment.tasks
        if cluster.instances[cluster.tasks[name].instance].lost
    )
    return service.alive - lost


def _start(turn: Turn, cluster: ClusterState, service: ServiceState, away: list[TaskState], missing: int) -> Next:
    primary = service.deployments[0]
    delay = start_delay(primary.failed)
    if delay and primary.failed_at + delay > turn.now:
        _tell_impaired(turn, cluster, service, primary)
        return Next(at=primary.failed_at + delay)
    template = _template(turn, cluster, service, primary)
    need = find(turn.state, primary.definition).demand
    for done in range(min(missing, STEPS_PER_PASS_MAX)):
        found = place(cluster, service.group, need)
        if isinstance(found, Unplaceable):
            _tell_unplaceable(turn, cluster, service, missing - done, found)
            return Next(waits_for_room=True)
        name = bind(turn, template, found)
        if away:
            _ask_to_stop(turn, cluster, away.pop(), primary, superseded_by=name)
    return Next(again=missing > STEPS_PER_PASS_MAX)


def _template(turn: Turn, cluster: ClusterState, service: ServiceState, primary: DeploymentState) -> TaskRequested:
    settings = service.settings
    tags = {}
    if settings.propagate_tags == "TASK_DEFINITION":
        tags = {each.key: each for each in find(turn.state, primary.definition).tags}
    elif settings.propagate_tags == "SERVICE":
        tags = {each.key: each for each in service.tags}
    if settings.enable_ecs_managed_tags:
        tags |= {each.key: each for each in managed_tags(cluster.name, service.name)}
    return TaskRequested(
        cluster=cluster.name,
        task="",
        task_definition=primary.definition,
        group=service.group,
        started_by=primary.id,
        deployment=primary.id,
        launch_type=settings.launch_type,
        tags=list(tags.values()),
        enable_execute_command=settings.enable_execute_command,
    )


def _tell_unplaceable(turn: Turn, cluster: ClusterState, service: ServiceState, count: int, found: Unplaceable) -> None:
    if service.unplaced == (found.reason or NO_INSTANCES):
        return
    need = find(turn.state, service.deployments[0].definition).demand
    turn.emit(
        ServiceTaskPlacementFailed(
            cluster=cluster.name,
            service=service.name,
            deployment=service.deployments[0].id,
            count=count,
            reason=found.reason,
            closest=closest(cluster, need, found.reason),
            explanation=found.explanation,
        )
    )


def _tell_impaired(turn: Turn, cluster: ClusterState, service: ServiceState, primary: DeploymentState) -> None:
    if not primary.impaired:
        turn.emit(
            ServiceTaskStartImpaired(
                cluster=cluster.name,
                service=service.name,
                deployment=primary.id,
                failures=primary.failed,
                delay_seconds=start_delay(primary.failed),
            )
        )


def _replace(turn: Turn, cluster: ClusterState, service: ServiceState, counts: Counts, missing: int) -> Next:
    lower, upper = bounds(service.settings.deployment_configuration, service.desired_count)
    missing = min(missing, upper - _present(cluster, service))
    started = _start(turn, cluster, service, counts.away, missing) if missing > 0 else Next()
    return _both(started, _stop_stale(turn, cluster, service, counts, lower))


def _stop_stale(turn: Turn, cluster: ClusterState, service: ServiceState, counts: Counts, lower: int) -> Next:
    open_ = [each for each in counts.stale if not _is_kept(cluster, each)]
    idle = [each for each in open_ if not _is_healthy(cluster, each)]
    healthy = [each for each in open_ if _is_healthy(cluster, each)]
    running = sum(1 for each in (*counts.fresh, *counts.stale) if _is_healthy(cluster, each))
    first = _stop(turn, cluster, service, iter(idle), len(idle))
    spare = min(running - lower, len(healthy))
    if spare > 0:
        return _both(first, _stop(turn, cluster, service, in_scale_in_order(cluster, service, healthy), spare))
    if service.alive == service.running == len(healthy) + len(counts.fresh):
        _tell_blocked(turn, cluster, service, len(counts.fresh))
    return first


def _tell_blocked(turn: Turn, cluster: ClusterState, service: ServiceState, fresh: int) -> None:
    primary = service.deployments[0]
    lower, upper = bounds(service.settings.deployment_configuration, service.desired_count)
    if fresh < service.desired_count and upper <= service.alive and not primary.blocked:
        turn.emit(
            ServiceDeploymentBlocked(
                cluster=cluster.name, service=service.name, deployment=primary.id, lower=lower, upper=upper
            )
        )


def _both(first: Next, second: Next) -> Next:
    return Next(
        again=first.again or second.again,
        waits_for_room=first.waits_for_room or second.waits_for_room,
        at=first.at if second.at is None else second.at,
    )


def _is_kept(cluster: ClusterState, task: TaskState) -> bool:
    """Protected tasks stay through deployments, but not on instances that are to be empty (spec §6.8)."""
    return task.id in cluster.protected and cluster.instances[task.instance].status != "DRAINING"


def _is_healthy(cluster: ClusterState, task: TaskState) -> bool:
    return task.last_status == "RUNNING" and not cluster.instances[task.instance].lost


def _drain(turn: Turn, cluster: ClusterState, service: ServiceState) -> Next:
    left = [cluster.tasks[name] for deployment in service.deployments for name in deployment.tasks]
    wanted = [task for task in left if task.desired_status == "RUNNING"]
    if wanted:
        return _stop(turn, cluster, service, iter(wanted), len(wanted), settle=True)
    if all(not cluster.instances[task.instance].connected for task in left):
        turn.emit(ServiceDrained(cluster=cluster.name, service=service.name))
    return Next()


def _stop(
    turn: Turn,
    cluster: ClusterState,
    service: ServiceState,
    tasks: Iterator[TaskState],
    count: int,
    *,
    settle: bool = False,
) -> Next:
    for _, task in zip(range(min(count, STEPS_PER_PASS_MAX)), tasks, strict=False):
        _ask_to_stop(turn, cluster, task, service.deployments[0])
    return Next(again=settle or count > STEPS_PER_PASS_MAX)


def _ask_to_stop(
    turn: Turn, cluster: ClusterState, task: TaskState, primary: DeploymentState, superseded_by: str = ""
) -> None:
    turn.emit(
        TaskStopRequested(
            cluster=cluster.name,
            task=task.id,
            stop_code="ServiceSchedulerInitiated",
            reason=f"Scaling activity initiated by (deployment {primary.id})",
            superseded_by=superseded_by,
        )
    )
