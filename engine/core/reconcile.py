"""Reconcile: what one service needs now, decided from its state alone (spec §8.4, §9.3).

Called on every event that may matter and by a ticker; both get the same answer. One pass makes a
bounded number of steps and says whether another is due.
"""

import msgspec

from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.scale_in import in_scale_in_order
from quarterdeck.engine.core.service_health import FAILED, Unwell, examine, heal
from quarterdeck.engine.core.service_settings import is_external
from quarterdeck.engine.core.service_step import Next, Site, both, scale_in, start, stop
from quarterdeck.engine.core.task_set_step import work_sets
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.service import (
    DeploymentCompleted,
    ServiceDeploymentBlocked,
    ServiceDrained,
    ServiceSteadyStateReached,
)
from quarterdeck.projections.live.states import ClusterState, DeploymentState, ServiceState, TaskState


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
    if is_external(service.settings):
        return work_sets(turn, cluster, service)
    if _is_settled(cluster, service):
        return _settle(turn, cluster, service)
    return _work(turn, cluster, service, _count(cluster, service))


def _work(turn: Turn, cluster: ClusterState, service: ServiceState, counts: Counts) -> Next:
    missing = service.desired_count - len(counts.fresh)
    site = _primary(turn, cluster, service)
    unwell = examine(turn, cluster, service) if service.ill or service.alive > service.wanted else Unwell()
    rolling = counts.stale or counts.rolling
    if not rolling and (unwell.tasks or unwell.stopping):
        return heal(site, counts.fresh, unwell)
    if missing < 0:
        step = scale_in(site, counts.fresh, -missing)
        if step is not None:
            return step
    if rolling and unwell.tasks:
        stop(site, unwell.tasks, len(unwell.tasks), FAILED)
        return Next(again=True)
    if rolling:
        return _replace(site, counts, missing)
    if missing > 0:
        return start(site, missing, counts.away)
    if counts.away:
        return stop(site, counts.away, len(counts.away))
    return both(_settle(turn, cluster, service), Next(at=unwell.at))


def _primary(turn: Turn, cluster: ClusterState, service: ServiceState) -> Site:
    return Site(turn, cluster, service, service.deployments[0])


def _is_settled(cluster: ClusterState, service: ServiceState) -> bool:
    return (
        len(service.deployments) == 1
        and not service.away
        and not service.ill
        and service.wanted == service.desired_count
        and not cluster.draining
    )


def _settle(turn: Turn, cluster: ClusterState, service: ServiceState) -> Next:
    primary = service.deployments[0]
    if service.running == service.desired_count and not service.ill:
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


def _replace(site: Site, counts: Counts, missing: int) -> Next:
    cluster, service = site.cluster, site.service
    lower, upper = bounds(service.settings.deployment_configuration, service.desired_count)
    missing = min(missing, upper - _present(cluster, service))
    started = start(site, missing, counts.away) if missing > 0 else Next()
    return both(started, _stop_stale(site, counts, lower))


def _stop_stale(site: Site, counts: Counts, lower: int) -> Next:
    cluster, service = site.cluster, site.service
    open_ = [each for each in counts.stale if not _is_kept(cluster, each)]
    idle = [each for each in open_ if not _is_healthy(cluster, each)]
    healthy = [each for each in open_ if _is_healthy(cluster, each)]
    running = sum(1 for each in (*counts.fresh, *counts.stale) if _is_healthy(cluster, each))
    first = stop(site, idle, len(idle))
    spare = min(running - lower, len(healthy))
    if spare > 0:
        return both(first, stop(site, in_scale_in_order(cluster, service, healthy), spare))
    if service.alive == service.running == len(healthy) + len(counts.fresh):
        _tell_blocked(site, len(counts.fresh))
    return first


def _tell_blocked(site: Site, fresh: int) -> None:
    turn, cluster, service, primary = site
    lower, upper = bounds(service.settings.deployment_configuration, service.desired_count)
    if fresh < service.desired_count and upper <= service.alive and not primary.blocked:
        turn.emit(
            ServiceDeploymentBlocked(
                cluster=cluster.name, service=service.name, deployment=primary.id, lower=lower, upper=upper
            )
        )


def _is_kept(cluster: ClusterState, task: TaskState) -> bool:
    """Protected tasks stay through deployments, but not on instances that are to be empty (spec §6.8)."""
    return task.id in cluster.protected and cluster.instances[task.instance].status != "DRAINING"


def _is_healthy(cluster: ClusterState, task: TaskState) -> bool:
    return task.healthy and not cluster.instances[task.instance].lost


def _drain(turn: Turn, cluster: ClusterState, service: ServiceState) -> Next:
    holders: list[DeploymentState] = [*service.deployments, *service.task_sets]
    left = [cluster.tasks[name] for holder in holders for name in holder.tasks]
    wanted = [task for task in left if task.desired_status == "RUNNING"]
    if wanted:
        stop(Site(turn, cluster, service, holders[0]), wanted, len(wanted))
        return Next(again=True)
    if all(not cluster.instances[task.instance].connected for task in left):
        turn.emit(ServiceDrained(cluster=cluster.name, service=service.name))
    return Next()
