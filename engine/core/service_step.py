"""Service step: the single things that reconciling a service does: start tasks, stop tasks, say why not."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from quarterdeck.engine.core.checks import detail
from quarterdeck.engine.core.placement import Unplaceable, begin, closest, place_next
from quarterdeck.engine.core.scale_in import in_scale_in_order
from quarterdeck.engine.core.tags import managed_tags
from quarterdeck.engine.core.task import bind, lot
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.core.wish import Wish, wish
from quarterdeck.events.service import ServiceScaleInBlocked, ServiceTaskPlacementFailed, ServiceTaskStartImpaired
from quarterdeck.events.task import TaskRequested, TaskStopRequested
from quarterdeck.projections.live.service import NO_INSTANCES
from quarterdeck.projections.live.states import ClusterState, DeploymentState, ServiceState, TaskSetState, TaskState
from quarterdeck.projections.live.task_definition import find

STEPS_PER_PASS_MAX = 100
REPEAT_SECONDS = 6 * 3600.0
"""What is told of a service once is told again after so long, if it is still so (spec §7.6)."""
FAILURES_FREE = 3
DELAY_SECONDS_FIRST = 10.0
DELAY_SECONDS_MAX = 27 * 60.0
UNHEALTHY = "Task failed container health checks"


class Next(msgspec.Struct, frozen=True):
    """When to look again: at once, when there is room, or at a time (seconds since the epoch)."""

    again: bool = False
    waits_for_room: bool = False
    at: float | None = None


def start_delay(failures: int) -> float:
    """Seconds to wait after so many starts failed in a row (spec §8.6)."""
    if failures < FAILURES_FREE:
        return 0.0
    return float(min(DELAY_SECONDS_FIRST * 2.0 ** min(failures - FAILURES_FREE, 16), DELAY_SECONDS_MAX))


class Site(NamedTuple):
    """Where steps are done: a service, and the deployment or task set that wants them."""

    turn: Turn
    cluster: ClusterState
    service: ServiceState
    deployment: DeploymentState


def start(site: Site, missing: int, away: list[TaskState]) -> Next:
    """Start what is missing, a bounded number at once; each takes the place of one that is away."""
    turn, cluster, service, _deployment = site
    waits = held_back(site)
    if waits is not None:
        tell_impaired(site)
        return waits
    pattern = template(site)
    wanted = wish(turn.state, pattern)
    search = begin(cluster, service.group, *wanted)
    for done in range(min(missing, STEPS_PER_PASS_MAX)):
        seed = lot(turn, wanted.rule)
        found = place_next(search, seed)
        if isinstance(found, Unplaceable):
            _tell_unplaceable(site, missing - done, found, wanted)
            return Next(waits_for_room=True)
        name = bind(turn, pattern, found, seed)
        if away:
            _ask_to_stop(site, away.pop(), "", superseded_by=name)
    return Next(again=missing > STEPS_PER_PASS_MAX)


def held_back(site: Site) -> Next | None:
    """Wait after starts that failed in a row (spec §8.6), unless an instance has come since; None: go on."""
    deployment = site.deployment
    until = deployment.failed_at + start_delay(deployment.failed)
    if until <= max(site.turn.now, deployment.failed_at) or site.cluster.joined_at > deployment.failed_at:
        return None
    return Next(at=until, waits_for_room=True)


def stop(site: Site, tasks: Iterable[TaskState], count: int, reason: str = "", superseded_by: str = "") -> Next:
    """Ask the first so many tasks to stop, a bounded number at once; if not to scale, say why."""
    for _, task in zip(range(min(count, STEPS_PER_PASS_MAX)), tasks, strict=False):
        _ask_to_stop(site, task, reason, superseded_by)
    return Next(again=count > STEPS_PER_PASS_MAX)


def scale_in(site: Site, fresh: list[TaskState], excess: int) -> Next | None:
    """Stop as many tasks as there are too many, but for protected ones; None if none may be stopped."""
    cluster, service = site.cluster, site.service
    spare = [each for each in fresh if each.id not in cluster.protected]
    if len(spare) < excess:
        tell_protected(site, len(fresh) - len(spare))
    if not spare:
        return None
    return stop(site, in_scale_in_order(cluster, service, spare), min(excess, len(spare)))


def tell_protected(site: Site, held: int) -> None:
    """Say once that more tasks are protected than are desired (spec §6.8)."""
    turn, cluster, service, deployment = site
    if not service.scale_in_blocked:
        turn.emit(
            ServiceScaleInBlocked(cluster=cluster.name, service=service.name, deployment=deployment.id, protected=held)
        )


def both(first: Next, second: Next) -> Next:
    """Look again when either says so, the earlier of both."""
    return Next(
        again=first.again or second.again,
        waits_for_room=first.waits_for_room or second.waits_for_room,
        at=min((each for each in (first.at, second.at) if each is not None), default=None),
    )


def template(site: Site) -> TaskRequested:
    """Describe a task of the deployment, but for its id."""
    service, settings, definition = site.service, site.service.settings, site.deployment.definition
    giver = site.deployment if isinstance(site.deployment, TaskSetState) else settings
    tags = {}
    if settings.propagate_tags == "TASK_DEFINITION":
        tags = {each.key: each for each in find(site.turn.state, definition).tags}
    elif settings.propagate_tags == "SERVICE":
        tags = {each.key: each for each in service.tags}
    if settings.enable_ecs_managed_tags:
        tags |= {each.key: each for each in managed_tags(site.cluster.name, service.name)}
    return TaskRequested(
        cluster=site.cluster.name,
        task="",
        task_definition=definition,
        group=service.group,
        started_by=site.deployment.id,
        deployment=site.deployment.id,
        launch_type=settings.launch_type,
        tags=list(tags.values()),
        enable_execute_command=settings.enable_execute_command,
        network_configuration=giver.network_configuration,
    )


def _tell_unplaceable(site: Site, count: int, found: Unplaceable, wanted: Wish) -> None:
    if was_told(site, found.reason):
        return
    near = closest(site.cluster, site.service.group, *wanted, found.reason)
    site.turn.emit(
        ServiceTaskPlacementFailed(
            cluster=site.cluster.name,
            service=site.service.name,
            deployment=site.deployment.id,
            count=count,
            reason=found.reason,
            closest=near,
            detail=detail(site.cluster.instances[near], wanted.demand, found.reason) if near else "",
            explanation=found.explanation,
        )
    )


def was_told(site: Site, reason: str) -> bool:
    """Tell whether it was said not long ago that a task of the deployment found no room for this reason."""
    before, at = site.service.unplaced.get(site.deployment.id, ("", 0.0))
    return before == (reason or NO_INSTANCES) and site.turn.now - at < REPEAT_SECONDS


def tell_impaired(site: Site) -> None:
    """Say once that tasks keep failing to start."""
    if not site.deployment.impaired:
        site.turn.emit(
            ServiceTaskStartImpaired(
                cluster=site.cluster.name,
                service=site.service.name,
                deployment=site.deployment.id,
                failures=site.deployment.failed,
                delay_seconds=start_delay(site.deployment.failed),
            )
        )


def _ask_to_stop(site: Site, task: TaskState, reason: str, superseded_by: str = "") -> None:
    site.turn.emit(
        TaskStopRequested(
            cluster=site.cluster.name,
            task=task.id,
            stop_code="ServiceSchedulerInitiated",
            reason=reason or f"Scaling activity initiated by (deployment {site.deployment.id})",
            superseded_by=superseded_by,
            unhealthy=reason == UNHEALTHY,
            service=site.service.name,
        )
    )
