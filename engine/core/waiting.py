"""Waiting: what a service is waiting for now, in sentences, from its state alone."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from quarterdeck.engine.core.checks import RESOURCES
from quarterdeck.engine.core.daemon import is_daemon
from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.explain import next_task, of_service
from quarterdeck.engine.core.lifecycle_hook import awaited_until
from quarterdeck.engine.core.service_health import trials
from quarterdeck.engine.core.service_settings import is_external
from quarterdeck.engine.core.service_step import Site, start_delay
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.names import short_name
from quarterdeck.events.own import PlacementDecision, PlacementVerdict
from quarterdeck.projections.live.states import (
    ClusterState,
    DeploymentState,
    NamespaceState,
    ServiceState,
    TaskState,
)

NAMED_MAX = 100
"""Instances named in one sentence; the verdicts have them all."""


class _Asked(NamedTuple):
    """Whose waiting is asked about, in which state, and when."""

    state: NamespaceState
    cluster: ClusterState
    service: ServiceState
    now: float


def waiting_for(turn: Turn, cluster: ClusterState, service: ServiceState) -> list[str]:
    """List what stands between a service and its steady state; empty if nothing does. Nothing is decided."""
    asked = _Asked(turn.state, cluster, service, turn.now)
    holders: list[DeploymentState] = [*service.deployments, *service.task_sets]
    tasks = [cluster.tasks[name] for holder in holders for name in holder.tasks]
    found = [*_on_their_way(cluster, tasks)]
    if service.status == "ACTIVE" and is_external(service.settings):
        for each in service.task_sets:
            words = _to_start(asked, each, each.computed(service.desired_count))
            found += [f"task set {each.id}: {sentence}" for sentence in words]
    elif service.status == "ACTIVE":
        found += _of_deployment(service, service.deployments[0], turn.now)
        if not service.deployments[0].failure:
            found += _to_start(asked, service.deployments[0], service.desired_count)
            found += _to_replace(cluster, service)
            found += _on_trial(Site(turn, cluster, service, service.deployments[0]))
    return found


def of_queued(turn: Turn, cluster: ClusterState, name: str, now: PlacementDecision) -> list[str]:
    """Say what a task in PROVISIONING waits for, by where it would go now."""
    left = max(cluster.queued[name].until - turn.now, 0.0)
    fits = any(each.fits for each in now.verdicts or [])
    lacks = "some was made just now" if fits else _none_fits(now.verdicts or [])
    return [f"room, for {left:.0f} s more: {lacks}"]


def _of_deployment(service: ServiceState, primary: DeploymentState, now: float) -> Iterator[str]:
    if primary.failure:
        yield f"another deployment, because {primary.id} FAILED: {primary.failure}"
    if primary.baked_at > now and not primary.completed:
        yield f"{primary.baked_at - now:.0f} s of bake time"
    if primary.stage and not primary.completed:
        hooks = ", ".join(f"{each.target} is {each.status}" for each in primary.hooks.values())
        yield f"stage {primary.stage}" + (f", whose hooks are asked: {hooks}" if hooks else "")
    if primary.rolls_back and awaited_until(primary) is not None:
        hooks = ", ".join(f"{each.target} is {each.status}" for each in primary.hooks.values())
        yield f"hooks, which are told that traffic goes back; until then nothing is stopped: {hooks}"
    if service.ill:
        yield f"{service.ill} tasks that run to be HEALTHY, or replaced"
    if service.moving:
        yield f"{len(service.moving)} tasks started to rebalance zones to be HEALTHY; then as many stop"


def _on_trial(site: Site) -> Iterator[str]:
    ends = trials(site, (site.cluster.tasks[name] for name in site.deployment.tasks))
    if ends and len(site.service.deployments) > 1:
        yield f"{len(ends)} new tasks to run for {max(ends) - site.turn.now:.0f} s more, then old ones stop for them"


def _on_their_way(cluster: ClusterState, tasks: list[TaskState]) -> Iterator[str]:
    starting = [each for each in tasks if each.desired_status == "RUNNING" and each.last_status != "RUNNING"]
    stopping = [each for each in tasks if each.desired_status == "STOPPED"]
    for words, held in (("to be RUNNING", starting), ("to be STOPPED", stopping)):
        heard = [each for each in held if cluster.instances[each.instance].connected]
        if heard:
            yield f"{len(heard)} tasks that were told to their agents {words}"
        silent = Counter(each.instance for each in held if not cluster.instances[each.instance].connected)
        for instance, count in sorted(silent.items()):
            yield f"{count} tasks {words} on {instance}, whose agent is not connected"


def _to_start(asked: _Asked, holder: DeploymentState, desired: int) -> Iterator[str]:
    """Say what keeps a deployment or a task set from having as many tasks as are desired of it."""
    state, cluster, service, now = asked
    mine = [cluster.tasks[name] for name in holder.tasks]
    stay = [each for each in mine if each.desired_status == "RUNNING" and _may_stay(cluster, each)]
    missing = desired - len(stay)
    if missing < 0 and any(each.id in cluster.protected for each in stay):
        yield f"{-missing} tasks too many, which can't be stopped while they are protected"
    if missing <= 0:
        return
    again = holder.failed_at + start_delay(holder.failed)
    if again > now and cluster.joined_at <= holder.failed_at:
        yield f"{again - now:.0f} s, because {holder.failed} starts failed in a row; then {missing} tasks are started"
        return
    decision = next_task(state, of_service(service, cluster.name, wanted_by=holder.id))
    verdicts = decision.verdicts or []
    if any(each.fits for each in verdicts):
        return
    if is_daemon(service):
        verdicts = [each for each in verdicts if each.reason in RESOURCES]
        missing = len(verdicts)
    if missing:
        yield f"room for {missing} tasks: {_none_fits(verdicts)}"


def _to_replace(cluster: ClusterState, service: ServiceState) -> Iterator[str]:
    primary = service.deployments[0]
    lower, upper = bounds(service.settings.deployment_configuration, service.desired_count)
    old = sum(len(each.tasks) for each in service.deployments[1:])
    if old and not primary.stage:
        yield (
            f"{old} tasks of older deployments to be replaced by {primary.definition}, with no fewer than {lower} "
            f"healthy and no more than {upper} at once"
        )
    if primary.blocked:
        yield f"other percents: with {lower} that must stay and {upper} at most, none may be started and none stopped"
    if old and any(name in cluster.protected for each in service.deployments[1:] for name in each.tasks):
        yield "the protection of tasks to be replaced to end"


def _none_fits(verdicts: list[PlacementVerdict]) -> str:
    if not verdicts:
        return "the cluster has no container instances"
    rows = [f"{short_name(each.container_instance_arn or '')}: {each.detail or each.reason}" for each in verdicts]
    more = f", and {len(rows) - NAMED_MAX} more" if len(rows) > NAMED_MAX else ""
    return "; ".join(rows[:NAMED_MAX]) + more


def _may_stay(cluster: ClusterState, task: TaskState) -> bool:
    instance = cluster.instances[task.instance]
    return instance.status != "DRAINING" and not instance.lost
