"""Service health: which tasks of a service fail their health checks, and how they are replaced (spec §8.4, §9.2).

Where the maximum leaves room and an instance has some, a replacement is started first, and the unhealthy task stops
once the replacement is HEALTHY; if that is unhealthy too, the newest of both stops. Where there is no room, unhealthy
tasks stop one at a time. They are none of the healthy tasks that must remain, so the minimum never keeps them.
"""

from collections.abc import Iterable
from functools import reduce

import msgspec

from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.scale_in import in_scale_in_order
from quarterdeck.engine.core.service_step import UNHEALTHY, Next, Site, both, start, stop
from quarterdeck.projections.live.states import TaskState

FAILED = UNHEALTHY
HEALTHY_SECONDS = 40.0
"""What ECS lets a deployment's new task run before it counts as healthy, if it has no health check."""


class Unwell(msgspec.Struct):
    """Unhealthy tasks to replace, whether one that was is still stopping, and when grace ends for the next one."""

    tasks: list[TaskState] = []
    stopping: bool = False
    at: float | None = None


def examine(site: Site) -> Unwell:
    """Find the tasks that are UNHEALTHY when their grace is over; agents that are lost tell nothing."""
    _, cluster, service, deployment = site
    found = Unwell()
    for name in deployment.tasks:
        task = cluster.tasks[name]
        if cluster.instances[task.instance].lost:
            continue
        if task.desired_status != "RUNNING":
            found.stopping = found.stopping or task.stop_reason == FAILED
        elif is_unwell(site, task):
            found.tasks.append(task)
        elif _is_ill(task):
            grace_ends = task.started_at + service.settings.health_check_grace_period_seconds
            found.at = min(grace_ends, found.at or grace_ends)
    return found


def is_unwell(site: Site, task: TaskState) -> bool:
    """Tell whether a task is known to be UNHEALTHY, and its grace is over."""
    if not _is_ill(task) or site.cluster.instances[task.instance].lost:
        return False
    return task.started_at + site.service.settings.health_check_grace_period_seconds <= site.turn.now


def _is_ill(task: TaskState) -> bool:
    return task.last_status == "RUNNING" and task.health == "UNHEALTHY"


def heal(site: Site, fresh: list[TaskState], unwell: Unwell, desired: int) -> Next:
    """Bring tasks that should stay one step closer to being so many healthy ones."""
    _, cluster, service, deployment = site
    healthy = sum(1 for each in fresh if each.healthy)
    spare = min(healthy + len(unwell.tasks) - desired, len(unwell.tasks))
    if spare > 0:
        return stop(site, in_scale_in_order(cluster, service, unwell.tasks), spare, FAILED)
    _, upper = bounds(service.settings.deployment_configuration, desired)
    missing = min(desired - len(fresh) + len(unwell.tasks), upper - len(deployment.tasks))
    before = len(deployment.tasks)
    started = start(site, missing, []) if missing > 0 else Next()
    settled = len(deployment.tasks) == before and not _stops(site) and len(fresh) == healthy + len(unwell.tasks)
    if unwell.tasks and settled and (missing <= 0 or started.waits_for_room):
        return stop(site, in_scale_in_order(cluster, service, unwell.tasks), 1, FAILED)
    return both(started, Next(at=unwell.at))


def _stops(site: Site) -> bool:
    """Tell whether a task is on its way out, where that will be heard of."""
    cluster = site.cluster
    tasks = (cluster.tasks[name] for name in site.deployment.tasks)
    return any(each.desired_status != "RUNNING" and not cluster.instances[each.instance].lost for each in tasks)


def trials(site: Site, tasks: Iterable[TaskState]) -> list[float]:
    """Tell when new tasks that run will have run for long enough to count, of those without health checks (§9.2)."""
    seconds = site.turn.settings.healthy_after
    if not seconds:
        return []
    ends = (each.started_at + seconds for each in tasks if each.healthy and each.checks is None)
    return [at for at in ends if at > site.turn.now]


def restore(site: Site, lower: int, room: int) -> Next:
    """Start tasks of older revisions for those that failed their health checks, if too few are healthy without (§8.4).

    A deployment that gets on makes them needless; one whose own tasks don't get well must not take the old ones along.
    """
    owing = [each for each in site.service.deployments[1:] if each.owed]
    if not owing:
        return Next()
    cluster = site.cluster
    tasks = [cluster.tasks[name] for each in site.service.deployments for name in each.tasks]
    promised = [each for each in tasks if each.desired_status == "RUNNING" and serves(site, each)]
    missing = min(lower - len(promised), room)
    steps = []
    for each in owing:
        count = max(0, min(each.owed, missing))
        missing -= count
        steps.append(start(site._replace(deployment=each), count, []) if count else Next())
    return reduce(both, steps)


def serves(site: Site, task: TaskState) -> bool:
    """Tell whether a task is healthy, or stands in for an older one that was not and may become so."""
    if site.cluster.instances[task.instance].lost:
        return False
    return task.healthy or (task.health != "UNHEALTHY" and is_restored(site, task))


def is_restored(site: Site, task: TaskState) -> bool:
    """Tell whether a task of an older revision stands in for one that failed its health checks."""
    return any(task.id in each.restored for each in site.service.deployments[1:])
