"""Service: how its events, and those of its deployments, change the live view."""

from quarterdeck.events.service import (
    DeploymentCompleted,
    DeploymentStarted,
    ServiceCreated,
    ServiceDaemonConstraintViolated,
    ServiceDeleted,
    ServiceDeploymentBlocked,
    ServiceDesiredCountChanged,
    ServiceDrained,
    ServiceEvent,
    ServiceScaleInBlocked,
    ServiceSteadyStateReached,
    ServiceTaskPlacementFailed,
    ServiceTaskStartImpaired,
    ServiceUpdated,
)
from quarterdeck.projections.live import reserve
from quarterdeck.projections.live.states import DeploymentState, NamespaceState, RevisionState, ServiceState

PAST_KEPT_MAX = 100
"""Deployments of a service remembered by name."""

NO_INSTANCES = "NO INSTANCES"
"""What is remembered as the cause when there was no instance to fail a check."""


def created(namespace: NamespaceState, event: ServiceCreated, at: float) -> None:
    """Begin a service, also where one of its name was INACTIVE."""
    namespace.clusters[event.cluster].services[event.service] = ServiceState(
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
        service.desired_count = event.desired_count
    if event.settings is not None:
        service.settings = event.settings
    service.steady = False
    service.unplaced = ""
    service.scale_in_blocked = False
    for deployment in service.deployments:
        deployment.failed, deployment.impaired, deployment.blocked = 0, False, False
    reserve.renew(namespace, namespace.clusters[event.cluster], service)


def deleted(namespace: NamespaceState, event: ServiceDeleted, _at: float) -> None:
    """Begin DRAINING."""
    service = _find(namespace, event)
    service.status = "DRAINING"
    service.desired_count = 0
    reserve.release(namespace.clusters[event.cluster], service)


def desired_count_changed(namespace: NamespaceState, event: ServiceDesiredCountChanged, _at: float) -> None:
    """Want as many tasks as there are instances to run them on."""
    service = _find(namespace, event)
    service.desired_count = event.desired_count
    service.steady = False
    service.unplaced = ""


def drained(namespace: NamespaceState, event: ServiceDrained, _at: float) -> None:
    """Make the service INACTIVE and forget the order its tasks were placed in."""
    service = _find(namespace, event)
    service.status = "INACTIVE"
    namespace.clusters[event.cluster].room.forget(service.group)


def deployment_started(namespace: NamespaceState, event: DeploymentStarted, at: float) -> None:
    """Put a new PRIMARY first; drop those before it that have no tasks."""
    service = _find(namespace, event)
    kept = [each for each in service.deployments if each.tasks]
    fresh = DeploymentState(event.deployment, event.task_definition, at)
    fresh.rolls_back, fresh.revision = event.rolls_back, event.revision or event.deployment
    service.past = [*service.past, event.deployment][-PAST_KEPT_MAX:]
    service.deployments = [fresh, *kept]
    service.steady = False
    service.unplaced = ""
    reserve.renew(namespace, namespace.clusters[event.cluster], service)


def deployment_completed(namespace: NamespaceState, event: DeploymentCompleted, _at: float) -> None:
    """Mark a deployment COMPLETED; that is not revoked."""
    service = _find(namespace, event)
    deployment = service.deployment(event.deployment)
    if deployment is not None:
        deployment.completed = True
        service.proven = RevisionState(deployment.revision, deployment.definition, service.settings)


def deployment_blocked(namespace: NamespaceState, event: ServiceDeploymentBlocked, _at: float) -> None:
    """Remember that it was told; a change of the service may set it free."""
    deployment = _find(namespace, event).deployment(event.deployment)
    if deployment is not None:
        deployment.blocked = True


def steady(namespace: NamespaceState, event: ServiceSteadyStateReached, _at: float) -> None:
    """Note the steady state until something changes."""
    service = _find(namespace, event)
    service.steady = True
    service.unplaced = ""


def placement_failed(namespace: NamespaceState, event: ServiceTaskPlacementFailed, _at: float) -> None:
    """Remember the cause that was told, so that it is not told again."""
    _find(namespace, event).unplaced = event.reason or NO_INSTANCES


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


def _find(namespace: NamespaceState, event: ServiceEvent) -> ServiceState:
    return namespace.clusters[event.cluster].services[event.service]
