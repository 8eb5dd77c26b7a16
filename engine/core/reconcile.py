"""Reconcile: what one service needs now, decided from its state alone (spec §8.4, §9.3).

Called on every event that may matter and by a ticker; both get the same answer. One pass makes a
bounded number of steps and says whether another is due.
"""

import msgspec

from quarterdeck.engine.core import alarm, circuit_breaker, zone_balance
from quarterdeck.engine.core.daemon import is_daemon, keep_everywhere
from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.deployment_stage import advance, is_between_stages, is_shifting_back, shift_back
from quarterdeck.engine.core.scale_in import in_scale_in_order
from quarterdeck.engine.core.service_deployment import obeys
from quarterdeck.engine.core.service_health import FAILED, Unwell, examine, heal, is_unwell, restore, serves, trials
from quarterdeck.engine.core.service_settings import is_external
from quarterdeck.engine.core.service_step import Next, Site, both, scale_in, start, stop, tell_protected
from quarterdeck.engine.core.settle import complete, is_early_success, settle
from quarterdeck.engine.core.task_set_step import work_sets
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.service import ServiceDeploymentBlocked, ServiceDrained
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
    return _look(Site(turn, cluster, service, service.deployments[0]))


def _look(site: Site) -> Next:
    """Find out whether all is well, little is to do, or each task has to be looked at."""
    _, cluster, service, _ = site
    if obeys(site) or circuit_breaker.trips(site) or alarm.rings(site):
        return Next(again=True)
    if is_daemon(service):
        return keep_everywhere(site) or settle(site)
    if is_between_stages(site):
        return advance(site)
    if is_shifting_back(site):
        return shift_back(site)
    if _is_calm(cluster, service):
        if service.wanted == service.desired_count:
            return settle(site)
        if _only_misses(site):
            return start(site, service.desired_count - service.wanted, [])
    return _work(site, _count(cluster, service))


def _work(site: Site, counts: Counts) -> Next:
    """Change the number of tasks, or replace some."""
    missing = site.service.desired_count - len(counts.fresh)
    if site.deployment.failure:
        return _stand_still(site, counts)
    rolling = bool(counts.stale or counts.rolling)
    early = is_early_success(site, replaced=not rolling)
    return both(complete(site) if early else Next(), _step(site, counts, missing, rolling=rolling))


def _stand_still(site: Site, counts: Counts) -> Next:
    """Start nothing of a deployment that FAILED; of it and of older ones no more than desired stay (spec §9.4)."""
    cluster, primary, desired = site.cluster, site.deployment.id, site.service.desired_count
    leaving = [each for each in counts.stale if _drains(cluster, each)]
    old = [each for each in counts.stale if each.deployment != primary and not _drains(cluster, each)]
    for tasks in (counts.fresh, old):
        step = scale_in(site, tasks, len(tasks) - desired) if len(tasks) > desired else None
        if step is not None:
            return step
    unwell = [each for each in old if is_unwell(site, each)]
    if unwell:
        return both(stop(site, unwell, len(unwell), FAILED), Next(again=True))
    return _keep_old(site, [*counts.fresh, *old], leaving)


def _keep_old(site: Site, staying: list[TaskState], leaving: list[TaskState]) -> Next:
    """Replace old tasks that failed their health checks, or are where an instance drains, by others of their own."""
    service = site.service
    lower, upper = _limits(site)
    alive, room = service.alive, upper - _present(site.cluster, service)
    following = restore(site, lower, room)
    if service.alive > alive:
        return both(following, Next(again=True))
    missing = min(service.desired_count - len(staying), room)
    for each in service.deployments[1:]:
        count = max(0, min(missing, sum(task.deployment == each.id for task in leaving)))
        missing -= count
        if count:
            following = both(following, start(site._replace(deployment=each), count, []))
    stopped = _stop_stale(site, Counts(fresh=staying, stale=leaving), lower) if leaving else Next()
    return both(following, stopped)


def _step(site: Site, counts: Counts, missing: int, *, rolling: bool) -> Next:
    service = site.service
    unwell = examine(site) if service.sick or service.alive > service.wanted else Unwell()
    if service.rebalancing:
        busy = rolling or bool(unwell.tasks or counts.away)
        if zone_balance.goes_on(site, missing, busy=busy) and service.moving:
            return zone_balance.go_on(site, counts.fresh)
    if not rolling and (unwell.tasks or unwell.stopping):
        return heal(site, counts.fresh, unwell, service.desired_count)
    if missing < 0:
        step = scale_in(site, counts.fresh, -missing)
        if step is not None:
            return step
    if rolling and unwell.tasks:
        stop(site, unwell.tasks, len(unwell.tasks), FAILED)
        return Next(again=True)
    return _replace(site, counts, missing) if rolling else both(_fill(site, counts, missing), Next(at=unwell.at))


def _fill(site: Site, counts: Counts, missing: int) -> Next:
    if missing > 0:
        return start(site, missing, counts.away)
    if counts.away:
        return stop(site, counts.away, len(counts.away))
    return settle(site)


def _is_calm(cluster: ClusterState, service: ServiceState) -> bool:
    """Tell whether no task is to be replaced: then counts decide, and no task has to be looked at."""
    return (
        len(service.deployments) == 1
        and not service.away
        and not service.sick
        and not service.moving
        and not cluster.draining
    )


def _only_misses(site: Site) -> bool:
    """Tell whether a service has too few tasks, and nothing else is the matter or to be told."""
    service = site.service
    plain = not site.deployment.failure and not service.rebalancing
    few = plain and service.alive == service.wanted < service.desired_count
    return few and not is_early_success(site, replaced=True)


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
    lower, upper = _limits(site)
    again = restore(site, lower, upper - _present(cluster, service))
    missing = min(missing, upper - _present(cluster, service))
    started = start(site, missing, counts.away) if missing > 0 else Next()
    return both(both(again, started), _stop_stale(site, counts, lower))


def _limits(site: Site) -> tuple[int, int]:
    """Work out how many must stay and may be there: as many green tasks as are desired, beside as many blue ones."""
    desired = site.service.desired_count
    lower, upper = bounds(site.service.settings.deployment_configuration, desired)
    beside = bool(site.deployment.stage) and not site.deployment.completed
    return lower, max(upper, 2 * desired) if beside else upper


def _stop_stale(site: Site, counts: Counts, lower: int) -> Next:
    cluster, service = site.cluster, site.service
    open_ = [each for each in counts.stale if not _is_kept(cluster, each)]
    if len(counts.stale) - len(open_) > service.desired_count:
        tell_protected(site, len(counts.stale) - len(open_))
    healthy = [each for each in open_ if _is_healthy(cluster, each)]
    on_trial = trials(site, counts.fresh)
    running = sum(1 for each in (*counts.fresh, *counts.stale) if _is_healthy(cluster, each)) - len(on_trial)
    first = _stop_idle(site, [each for each in open_ if not _is_healthy(cluster, each)], short=running < lower)
    if on_trial:
        first = both(first, Next(at=min(on_trial)))
    spare = min(running - lower, len(healthy))
    if spare > 0:
        return both(first, stop(site, in_scale_in_order(cluster, service, healthy), spare))
    if not on_trial and service.alive == service.running == len(healthy) + len(counts.fresh):
        _tell_blocked(site, len(counts.fresh))
    return first


def _stop_idle(site: Site, idle: list[TaskState], *, short: bool) -> Next:
    """Stop old tasks that serve nobody: all at once, but for those that are to make up for too few healthy ones."""
    ill = [each for each in idle if is_unwell(site, each)]
    spare = [each for each in idle if not is_unwell(site, each) and not (short and serves(site, each))]
    return both(stop(site, ill, len(ill), FAILED), stop(site, spare, len(spare)))


def _tell_blocked(site: Site, fresh: int) -> None:
    turn, cluster, service, primary = site
    lower, upper = _limits(site)
    if fresh < service.desired_count and upper <= service.alive and not primary.blocked:
        turn.emit(
            ServiceDeploymentBlocked(
                cluster=cluster.name, service=service.name, deployment=primary.id, lower=lower, upper=upper
            )
        )


def _is_kept(cluster: ClusterState, task: TaskState) -> bool:
    """Protected tasks stay through deployments, but not on instances that are to be empty (spec §6.8)."""
    return task.id in cluster.protected and not _drains(cluster, task)


def _drains(cluster: ClusterState, task: TaskState) -> bool:
    return cluster.instances[task.instance].status == "DRAINING"


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
