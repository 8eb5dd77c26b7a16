"""Service: how its events, and those of its deployments, change the live view."""

from itertools import takewhile

import msgspec

from quarterdeck.events.service import (
    DeploymentBaking,
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentFailuresCounted,
    DeploymentHookEnded,
    DeploymentHookStarted,
    DeploymentStageEntered,
    DeploymentStarted,
    DeploymentStopRequested,
    DeploymentTrafficShifted,
    ServiceCreated,
    ServiceDaemonConstraintViolated,
    ServiceDeleted,
    ServiceDeploymentBlocked,
    ServiceDesiredCountChanged,
    ServiceDrained,
    ServiceEvent,
    ServiceRebalancingBlocked,
    ServiceRebalancingCompleted,
    ServiceRebalancingStarted,
    ServiceRebalancingStopped,
    ServiceRebalancingTaskStarted,
    ServiceScaleInBlocked,
    ServiceSteadyStateReached,
    ServiceTaskPlacementFailed,
    ServiceTaskStartImpaired,
    ServiceUpdated,
)
from quarterdeck.projections.live import reserve
from quarterdeck.projections.live.deployment import clear
from quarterdeck.projections.live.states import DeploymentState, HookState, NamespaceState, RevisionState, ServiceState

PAST_KEPT_MAX = 100
"""Deployments of a service remembered by name."""

INACTIVE_KEPT_SECONDS = 3600.0
"""So long decisions know of a service that it was there; the read models know it until its name is used again."""

ALARM = "ALARM"

NO_INSTANCES = "NO INSTANCES"
"""What is remembered as the cause when there was no instance to fail a check."""


def created(namespace: NamespaceState, event: ServiceCreated, at: float) -> None:
    """Begin a service, also where one of its name was INACTIVE."""
    cluster = namespace.clusters[event.cluster]
    cluster.drained.pop(event.service, None)
    cluster.services[event.service] = ServiceState(
        name=event.service,
        desired_count=event.desired_count,
        settings=event.settings,
        created_at=at,
        token=event.token,
        request=event.request,
        tags=event.tags,
    )


def updated(namespace: NamespaceState, event: ServiceUpdated, _at: float) -> None:
    """Change what the caller changed; start failures are forgiven (spec §7.3)."""
    service = _find(namespace, event)
    if event.desired_count is not None:
        service.steady = service.steady and event.desired_count == service.desired_count
        service.desired_count = event.desired_count
    if event.settings is not None:
        service.steady = False
        service.settings = event.settings
    clear(service)
    service.unplaced.clear()
    service.scale_in_blocked = False
    service.rebalancing_blocked = ""
    holders: list[DeploymentState] = [*service.deployments, *service.task_sets]
    for holder in holders:
        holder.failed, holder.impaired, holder.blocked = 0, False, False
    reserve.renew(namespace, namespace.clusters[event.cluster], service)


def deleted(namespace: NamespaceState, event: ServiceDeleted, _at: float) -> None:
    """Begin DRAINING."""
    service = _find(namespace, event)
    service.status = "DRAINING"
    service.desired_count = 0
    clear(service)
    service.rebalancing = False
    service.moving.clear()
    reserve.release(namespace.clusters[event.cluster], service)


def desired_count_changed(namespace: NamespaceState, event: ServiceDesiredCountChanged, _at: float) -> None:
    """Want as many tasks as there are instances to run them on."""
    service = _find(namespace, event)
    service.desired_count = event.desired_count
    service.steady = False
    service.unplaced.clear()


def drained(namespace: NamespaceState, event: ServiceDrained, at: float) -> None:
    """Make the service INACTIVE and forget the order its tasks were placed in; let go of those drained long before."""
    service, cluster = _find(namespace, event), namespace.clusters[event.cluster]
    service.status = "INACTIVE"
    cluster.room.forget(service.group)
    cluster.drained[service.name] = at
    for name in list(takewhile(lambda each: cluster.drained[each] < at - INACTIVE_KEPT_SECONDS, cluster.drained)):
        del cluster.drained[name], cluster.services[name]


def deployment_started(namespace: NamespaceState, event: DeploymentStarted, at: float) -> None:
    """Put a new PRIMARY first, or one that was there before; drop others that have no tasks."""
    service = _find(namespace, event)
    fresh = DeploymentState(event.deployment, event.task_definition, at)
    fresh.ringing = tuple(name for name, state in namespace.alarms.items() if state == ALARM)
    fresh.rolls_back, fresh.revision = event.rolls_back, event.revision or event.deployment
    held = service.deployment(event.deployment)
    if held is not None:
        fresh.created_at, fresh.tasks, fresh.running = held.created_at, held.tasks, held.running
        fresh.ran = held.running > 0
    service.past = [*service.past, event.deployment][-PAST_KEPT_MAX:]
    service.deployments = [fresh, *(each for each in service.deployments if each is not held)]
    clear(service)
    service.steady = False
    service.unplaced.clear()
    reserve.renew(namespace, namespace.clusters[event.cluster], service)


def deployment_completed(namespace: NamespaceState, event: DeploymentCompleted, _at: float) -> None:
    """Mark a deployment COMPLETED; that is not revoked."""
    service = _find(namespace, event)
    deployment = service.deployment(event.deployment)
    if deployment is not None:
        deployment.completed = True
        service.proven = RevisionState(deployment.id, deployment.revision, deployment.definition, service.settings)
        clear(service)


def deployment_baking(namespace: NamespaceState, event: DeploymentBaking, _at: float) -> None:
    """Remember how long to wait."""
    deployment = _find(namespace, event).deployment(event.deployment)
    if deployment is not None:
        deployment.baked_at = event.until


def stop_requested(namespace: NamespaceState, event: DeploymentStopRequested, _at: float) -> None:
    """Remember what a caller wants."""
    deployment = _find(namespace, event).deployment(event.deployment)
    if deployment is not None:
        deployment.stopping = event.stop_type


def stage_entered(namespace: NamespaceState, event: DeploymentStageEntered, at: float) -> None:
    """Move on; hooks of the stage before are over."""
    service = _find(namespace, event)
    deployment = service.deployment(event.deployment)
    if deployment is not None:
        deployment.stage, deployment.stage_at, deployment.hooks = event.stage, at, {}
        clear(service)


def traffic_shifted(namespace: NamespaceState, event: DeploymentTrafficShifted, at: float) -> None:
    """Note the weights."""
    deployment = _find(namespace, event).deployment(event.deployment)
    if deployment is not None:
        deployment.test, deployment.production, deployment.shifted_at = event.test, event.production, at


def hook_started(namespace: NamespaceState, event: DeploymentHookStarted, _at: float) -> None:
    """Wait for a hook."""
    deployment = _find(namespace, event).deployment(event.deployment)
    if deployment is not None:
        deployment.hooks[event.hook] = HookState(
            id=event.hook,
            stage=event.stage,
            target_type=event.target_type,
            target=event.target,
            details=event.details,
            expires_at=event.expires_at,
            timeout_action=event.timeout_action,
            status="AWAITING_ACTION" if event.target_type == "PAUSE" else "IN_PROGRESS",
        )


def hook_ended(namespace: NamespaceState, event: DeploymentHookEnded, _at: float) -> None:
    """Note how a hook ended; one may end long after its service."""
    service = namespace.clusters[event.cluster].services.get(event.service)
    deployment = service.deployment(event.deployment) if service is not None else None
    hook = deployment.hooks.get(event.hook) if deployment is not None else None
    if deployment is not None and hook is not None:
        deployment.hooks[event.hook] = msgspec.structs.replace(hook, status=event.status)


def failures_counted(namespace: NamespaceState, event: DeploymentFailuresCounted, _at: float) -> None:
    """Remember what was told; failures themselves are counted as tasks stop."""
    deployment = _find(namespace, event).deployment(event.deployment)
    if deployment is not None:
        deployment.counted = (event.failures, event.threshold)


def deployment_failed(namespace: NamespaceState, event: DeploymentFailed, _at: float) -> None:
    """Mark a deployment FAILED."""
    service = _find(namespace, event)
    deployment = service.deployment(event.deployment)
    if deployment is not None:
        deployment.failure = event.reason
        clear(service)


def deployment_blocked(namespace: NamespaceState, event: ServiceDeploymentBlocked, _at: float) -> None:
    """Remember that it was told; a change of the service may set it free."""
    deployment = _find(namespace, event).deployment(event.deployment)
    if deployment is not None:
        deployment.blocked = True


def steady(namespace: NamespaceState, event: ServiceSteadyStateReached, at: float) -> None:
    """Note the steady state until something changes."""
    service = _find(namespace, event)
    service.steady, service.steady_at = True, at
    service.unplaced.clear()


def placement_failed(namespace: NamespaceState, event: ServiceTaskPlacementFailed, at: float) -> None:
    """Remember the cause that was told, so that it is not told again soon."""
    service = _find(namespace, event)
    service.unplaced[event.deployment] = (event.reason or NO_INSTANCES, at)


def start_impaired(namespace: NamespaceState, event: ServiceTaskStartImpaired, _at: float) -> None:
    """Remember that it was told; failures themselves are counted as tasks stop."""
    deployment = _find(namespace, event).deployment(event.deployment)
    if deployment is not None:
        deployment.impaired = True


def daemon_constraint_violated(_namespace: NamespaceState, _event: ServiceDaemonConstraintViolated, _at: float) -> None:
    """Change nothing: the tasks are asked to stop."""


def scale_in_blocked(namespace: NamespaceState, event: ServiceScaleInBlocked, _at: float) -> None:
    """Remember that it was told."""
    _find(namespace, event).scale_in_blocked = True


def rebalancing_started(namespace: NamespaceState, event: ServiceRebalancingStarted, _at: float) -> None:
    """Remember that tasks move."""
    _find(namespace, event).rebalancing = True


def rebalancing_task_started(namespace: NamespaceState, event: ServiceRebalancingTaskStarted, _at: float) -> None:
    """Remember for what a task was started."""
    service = _find(namespace, event)
    service.moving[event.task] = event.source
    service.rebalancing_blocked = ""


def rebalancing_blocked(namespace: NamespaceState, event: ServiceRebalancingBlocked, _at: float) -> None:
    """Remember the cause that was told."""
    _find(namespace, event).rebalancing_blocked = f"{event.zone} {event.reason}"


def rebalancing_ended(
    namespace: NamespaceState, event: ServiceRebalancingStopped | ServiceRebalancingCompleted, _at: float
) -> None:
    """Forget what moved: tasks are as others from here on."""
    service = _find(namespace, event)
    service.rebalancing, service.rebalancing_blocked = False, ""
    service.moving.clear()


def _find(namespace: NamespaceState, event: ServiceEvent) -> ServiceState:
    return namespace.clusters[event.cluster].services[event.service]
