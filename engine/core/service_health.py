"""Service health: which tasks of a service fail their health checks, and how they are replaced (spec §8.4, §9.2).

Where the maximum leaves room and an instance has some, a replacement is started first, and the unhealthy task stops
once the replacement is HEALTHY; if that is unhealthy too, the newest of both stops. Where there is no room, unhealthy
tasks stop one at a time. They are none of the healthy tasks that must remain, so the minimum never keeps them.
"""

import msgspec

from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.scale_in import in_scale_in_order
from quarterdeck.engine.core.service_step import UNHEALTHY, Next, Site, both, start, stop
from quarterdeck.projections.live.states import TaskState

FAILED = UNHEALTHY


class Unwell(msgspec.Struct):
    """Unhealthy tasks to replace, whether one that was is still stopping, and when grace ends for the next one."""

    tasks: list[TaskState] = []
    stopping: bool = False
    at: float | None = None


def examine(site: Site) -> Unwell:
    """Find the tasks that are UNHEALTHY when their grace is over; agents that are lost tell nothing."""
    turn, cluster, service, deployment = site
    found = Unwell()
    for name in deployment.tasks:
        task = cluster.tasks[name]
        if cluster.instances[task.instance].lost:
            continue
        if task.desired_status != "RUNNING":
            found.stopping = found.stopping or task.stop_reason == FAILED
        elif task.last_status == "RUNNING" and task.health == "UNHEALTHY":
            grace_ends = task.started_at + service.settings.health_check_grace_period_seconds
            if grace_ends > turn.now:
                found.at = min(grace_ends, found.at or grace_ends)
            else:
                found.tasks.append(task)
    return found


def heal(site: Site, fresh: list[TaskState], unwell: Unwell, desired: int) -> Next:
    """Bring tasks that should stay one step closer to being so many healthy ones."""
    _, cluster, service, deployment = site
    healthy = sum(1 for each in fresh if each.healthy)
    spare = min(healthy + len(unwell.tasks) - desired, len(unwell.tasks))
    if spare > 0:
        return stop(site, in_scale_in_order(cluster, service, unwell.tasks), spare, FAILED)
    _, upper = bounds(service.settings.deployment_configuration, desired)
    missing = min(desired - len(fresh) + len(unwell.tasks), upper - len(deployment.tasks))
    started = start(site, missing, []) if missing > 0 else Next()
    settled = len(deployment.tasks) == len(fresh) == healthy + len(unwell.tasks)
    if unwell.tasks and settled and (missing <= 0 or started.waits_for_room):
        return stop(site, in_scale_in_order(cluster, service, unwell.tasks), 1, FAILED)
    return both(started, Next(at=unwell.at))
