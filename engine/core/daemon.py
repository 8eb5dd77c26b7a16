"""Daemon: one task of a DAEMON service on each instance that is ACTIVE, connected and admits it (spec §8.5, §4.6).

Its room is reserved for it (`projections/live/reserve.py`), and the desired count follows the number of
such instances. A new revision stops the old task of an instance before it starts the new one. On a
DRAINING instance a daemon is the last of the services' tasks to stop.
"""

from functools import partial
from typing import NamedTuple

from quarterdeck.engine.core.checks import CHECKS, admission, detail, looks_at_tasks, shortage
from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.service_health import FAILED, examine, trials
from quarterdeck.engine.core.service_step import (
    STEPS_PER_PASS_MAX,
    Next,
    Site,
    both,
    held_back,
    stop,
    tell_impaired,
    template,
    was_told,
)
from quarterdeck.engine.core.task import put
from quarterdeck.engine.core.wish import wish
from quarterdeck.events.explanation import Explanation
from quarterdeck.events.service import (
    ServiceDaemonConstraintViolated,
    ServiceDeploymentBlocked,
    ServiceDesiredCountChanged,
    ServiceTaskPlacementFailed,
)
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.queue import Group
from quarterdeck.projections.live.states import ClusterState, ServiceState, TaskState
from quarterdeck.projections.live.task import SERVICE_GROUP


class _Duty(NamedTuple):
    """A service to keep where it belongs: `members` are its instances, `held` counts its tasks."""

    site: Site
    demand: Demand
    members: set[str]
    held: Group


class _Besides:
    """What is known of an instance, but for the tasks of one group."""

    def __init__(self, cluster: ClusterState, group: str, instance: InstanceState) -> None:
        own = [cluster.tasks[name] for name, held in instance.tasks.items() if held == group]
        self.zone = instance.zone
        self.attributes = instance.attributes
        self.connected = instance.connected
        self.agent_version = instance.agent_version
        self.ec2_instance_id = instance.ec2_instance_id
        self.registered_at = instance.registered_at
        self.running = instance.running - sum(each.last_status == "RUNNING" for each in own)
        self.groups = [held for held in instance.tasks.values() if held != group]


def is_daemon(service: ServiceState) -> bool:
    """Tell whether a service runs once on every instance."""
    return service.settings.scheduling_strategy == "DAEMON"


def keep_everywhere(site: Site) -> Next | None:
    """Bring a DAEMON service one pass closer to what it should be; None if it is that already."""
    _, cluster, service, _ = site
    demand = wish(site.turn.state, template(site)).demand
    cluster.room.changing = cluster.room.changing or looks_at_tasks(demand.member_of)
    roster = cluster.room.roster(service.group, demand)
    members = roster.refresh(cluster.instances, partial(_belongs, cluster, service.group))
    duty = _Duty(site, demand, members, cluster.room.group(service.group))
    _count(duty)
    if _is_settled(duty):
        return None
    stopped = both(both(_stop_strays(duty), _stop_stale(duty)), _stop_unwell(duty))
    started = _start_missing(duty)
    following = both(stopped, started)
    return following if _is_at_work(duty) or following != Next() else None


def _belongs(cluster: ClusterState, group: str, instance: InstanceState, demand: Demand) -> bool:
    """Tell whether a daemon should be on an instance, if it has room; its own task does not speak for or against it."""
    if instance.status != "ACTIVE" or not instance.connected:
        return False
    facts = _Besides(cluster, group, instance) if demand.member_of else None
    return not admission(instance, demand, facts)


def _count(duty: _Duty) -> None:
    """Make the desired count that of the instances it belongs on, with those not heard of just now."""
    cluster, service = duty.site.cluster, duty.site.service
    silent = sum(1 for name in duty.held.instances if name not in duty.members and _is_silent(cluster.instances[name]))
    count = len(duty.members) + silent
    if count != service.desired_count:
        duty.site.turn.emit(ServiceDesiredCountChanged(cluster=cluster.name, service=service.name, desired_count=count))


def _is_settled(duty: _Duty) -> bool:
    service = duty.site.service
    return len(service.deployments) == 1 and not service.ill and duty.held.instances.keys() == duty.members


def _is_at_work(duty: _Duty) -> bool:
    """Tell whether tasks are missing, too many or being replaced; what is on lost instances is not waited for."""
    cluster, (_, *older) = duty.site.cluster, duty.site.service.deployments
    tasks = [cluster.tasks[name] for each in older for name in each.tasks]
    rolling = any(not cluster.instances[each.instance].lost for each in tasks)
    return rolling or not duty.members <= duty.held.instances.keys()


def _stop_strays(duty: _Duty) -> Next:
    """Stop daemons on instances that drain, once nothing else of a service is there, or admit them no more."""
    site, cluster = duty.site, duty.site.cluster
    strays = [cluster.instances[name] for name in sorted(duty.held.instances.keys() - duty.members)]
    wrong = [each.id for each in strays if each.status == "ACTIVE" and each.connected]
    if wrong:
        site.turn.emit(
            ServiceDaemonConstraintViolated(
                cluster=cluster.name,
                service=site.service.name,
                deployment=site.deployment.id,
                container_instances=wrong[:STEPS_PER_PASS_MAX],
            )
        )
    gone = {*wrong[:STEPS_PER_PASS_MAX], *(each.id for each in strays if _is_last(cluster, each))}
    tasks = [each for each in _wanted(duty) if each.instance in gone]
    return both(stop(site, tasks, len(tasks)), Next(again=len(wrong) > STEPS_PER_PASS_MAX))


def _is_last(cluster: ClusterState, instance: InstanceState) -> bool:
    """Tell whether an instance drains and has no tasks of services any more but daemons."""
    daemons = cluster.room.daemons
    replicas = (group for group in instance.tasks.values() if group.startswith(SERVICE_GROUP) and group not in daemons)
    return instance.status == "DRAINING" and next(replicas, None) is None


def _stop_stale(duty: _Duty) -> Next:
    """Stop tasks of older revisions, as many healthy ones as the minimum healthy percent lets go at once."""
    site, cluster, service = duty.site, duty.site.cluster, duty.site.service
    stale = [each for each in _wanted(duty) if each.deployment != site.deployment.id]
    if not stale or site.deployment.failure:
        return Next()
    open_ = [each for each in stale if each.id not in cluster.protected and _may_stop(duty, each)]
    idle = [each for each in open_ if not _is_healthy(cluster, each)]
    healthy = [each for each in open_ if _is_healthy(cluster, each)]
    lower, upper = bounds(service.settings.deployment_configuration, len(duty.members))
    fresh = [each for each in _wanted(duty) if each.deployment == site.deployment.id]
    on_trial = trials(site, fresh)
    spare = sum(1 for each in _wanted(duty) if _is_healthy(cluster, each)) - len(on_trial) - lower
    if spare <= 0 and not idle and not on_trial and service.alive == service.running and not site.deployment.blocked:
        site.turn.emit(
            ServiceDeploymentBlocked(
                cluster=cluster.name, service=service.name, deployment=site.deployment.id, lower=lower, upper=upper
            )
        )
    stopped = both(stop(site, idle, len(idle)), stop(site, healthy, max(0, min(spare, len(healthy)))))
    return both(stopped, Next(at=min(on_trial, default=None)))


def _stop_unwell(duty: _Duty) -> Next:
    """Stop what fails its health checks: its instance has no place for another beside it."""
    site = duty.site
    if not site.service.ill:
        return Next()
    unwell = examine(site)
    return both(stop(site, unwell.tasks, len(unwell.tasks), FAILED), Next(at=unwell.at))


def _may_stop(duty: _Duty, task: TaskState) -> bool:
    """A daemon where the agent is silent is left alone until it is heard, or given up."""
    return task.instance in duty.members or duty.site.cluster.instances[task.instance].lost


def _start_missing(duty: _Duty) -> Next:
    site, cluster = duty.site, duty.site.cluster
    if site.deployment.failure:
        return Next()
    missing = sorted(duty.members - duty.held.instances.keys() - duty.held.stopping.keys())
    waits = held_back(site) if missing else None
    if waits is not None:
        tell_impaired(site)
        return waits
    pattern, started = template(site), 0
    short: dict[str, list[str]] = {}
    for name in missing:
        reason = shortage(cluster.instances[name], duty.demand)
        if reason:
            short.setdefault(reason, []).append(name)
        elif started == STEPS_PER_PASS_MAX:
            return Next(again=True)
        else:
            put(site.turn, pattern, cluster.instances[name])
            started += 1
    if short:
        _tell_short(duty, short)
    return Next(waits_for_room=bool(short))


def _tell_short(duty: _Duty, short: dict[str, list[str]]) -> None:
    site = duty.site
    reason = max(short, key=CHECKS.index)
    if was_told(site, reason):
        return
    near = min(short[reason])
    site.turn.emit(
        ServiceTaskPlacementFailed(
            cluster=site.cluster.name,
            service=site.service.name,
            deployment=site.deployment.id,
            count=sum(map(len, short.values())),
            reason=reason,
            closest=near,
            detail=detail(site.cluster.instances[near], duty.demand, reason, of_daemon=True),
            explanation=Explanation(
                considered=len(duty.members), rejected={each: len(names) for each, names in short.items()}
            ),
        )
    )


def _wanted(duty: _Duty) -> list[TaskState]:
    cluster = duty.site.cluster
    tasks = (cluster.tasks[name] for each in duty.site.service.deployments for name in each.tasks)
    return [each for each in tasks if each.desired_status == "RUNNING"]


def _is_silent(instance: InstanceState) -> bool:
    return instance.status == "ACTIVE" and not instance.connected


def _is_healthy(cluster: ClusterState, task: TaskState) -> bool:
    return task.healthy and not cluster.instances[task.instance].lost
