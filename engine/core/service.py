"""Service: deciding on creation, update and deletion (spec §7.2 to §7.4); its tasks come from `reconcile`."""

from typing import NamedTuple

from quarterdeck.engine.core import hook_target, quota, service_settings
from quarterdeck.engine.core.errors import (
    ClientException,
    InvalidParameterException,
    ServiceNotActiveException,
    ServiceNotFoundException,
    UnsupportedFeatureException,
)
from quarterdeck.engine.core.service_settings import is_external
from quarterdeck.engine.core.tags import checked_tags
from quarterdeck.engine.core.task import runnable
from quarterdeck.engine.core.task_definition import usable
from quarterdeck.engine.core.turn import Turn, check_token, valid_name
from quarterdeck.events import shapes
from quarterdeck.events.service import DeploymentStarted, ServiceCreated, ServiceDeleted, ServiceUpdated
from quarterdeck.projections.live.states import ClusterState, DefinitionState, DeploymentState, ServiceState
from quarterdeck.projections.live.task_definition import find

DESIRED_COUNT_MAX = 5000
TOKEN_CHARACTERS_MAX = 36
EXTERNAL_UPDATES = frozenset(
    {
        *("cluster", "service", "desired_count", "placement_constraints", "placement_strategy"),
        *("health_check_grace_period_seconds", "enable_ecs_managed_tags", "propagate_tags", "deployment_controller"),
    }
)
"""What may be updated of a service whose task sets have the rest (spec §7.3)."""
FORCE = (
    "When switching from launch type to capacity provider strategy on an existing service, or making a change to a "
    "capacity provider strategy on a service that is already using one, you must force a new deployment."
)


def create(turn: Turn, request: shapes.CreateServiceRequest) -> None:
    """Create a service and start its first deployment, if it has such; nothing is placed in this decision."""
    cluster = turn.cluster(request.cluster)
    if not valid_name(request.service_name):
        raise InvalidParameterException("Invalid service name.")
    service_settings.check_kind(request)
    name = request.service_name or ""
    if _is_repeat(cluster.services.get(name), request.client_token or "", turn.digest):
        return
    controller = request.deployment_controller
    external = controller is not None and controller.type == "EXTERNAL"
    definition = None if external else startable(turn, request.task_definition)
    daemon = request.scheduling_strategy == "DAEMON"
    if daemon and cluster.default_strategy and request.launch_type is None:
        raise InvalidParameterException(service_settings.DAEMON_PROVIDERS)
    desired = _desired(0 if (external or daemon) and request.desired_count is None else request.desired_count)
    there = sum(each.status != "INACTIVE" for each in cluster.services.values())
    quota.check(there, turn.settings.quotas.services, "services in the cluster", "quota_services")
    settings = service_settings.created(definition.definition if definition is not None else None, request)
    hook_target.check_hosts(settings.deployment_configuration, turn.settings.hook_hosts)
    tags = checked_tags(request.tags)
    turn.emit(
        ServiceCreated(
            cluster=cluster.name,
            service=name,
            desired_count=desired,
            settings=settings,
            tags=tags,
            created_by=turn.actor,
            token=request.client_token or "",
            request=turn.digest,
        )
    )
    if definition is not None:
        _deploy(turn, cluster, name, definition.name)


class Replaced(NamedTuple):
    """A deployment that another one replaces, as it was then."""

    id: str
    definition: str
    created_at: float
    wanted: int
    running: int
    completed: bool


def update(turn: Turn, request: shapes.UpdateServiceRequest) -> list[Replaced]:
    """Change a service; another revision of what its tasks are made from, or force, starts a deployment.

    Gives the deployments that are replaced and have tasks.
    """
    cluster = turn.cluster(request.cluster)
    service = active(turn, cluster, request.service)
    _check_controller(service, request)
    if request.capacity_provider_strategy and not request.force_new_deployment:
        raise InvalidParameterException(FORCE)
    external = is_external(service.settings)
    current = "" if external else service.deployments[0].definition
    definition = startable(turn, request.task_definition) if request.task_definition else None
    desired = None
    if request.desired_count is not None:
        if request.desired_count < 0:
            raise InvalidParameterException("Task count can not be lesser than 0")
        desired = _desired(request.desired_count)
    wanted = definition or (None if external else find(turn.state, current))
    settings = service_settings.changed(service.settings, wanted.definition if wanted is not None else None, request)
    before = service.settings
    other = wanted is not None and (wanted.name != current or service_settings.needs_deployment(before, settings))
    deploys = other or bool(request.force_new_deployment)
    if deploys or request.deployment_configuration is not None:
        hook_target.check_hosts(settings.deployment_configuration, turn.settings.hook_hosts)
    turn.emit(
        ServiceUpdated(
            cluster=cluster.name,
            service=service.name,
            desired_count=desired,
            settings=settings if settings != before else None,
        )
    )
    if wanted is None or not deploys:
        return []
    replaced = [_replaced(cluster, each) for each in service.deployments if each.tasks]
    _deploy(turn, cluster, service.name, wanted.name)
    return replaced


def delete(turn: Turn, request: shapes.DeleteServiceRequest) -> None:
    """Begin DRAINING a service that wants no tasks, or any with force; a repeat changes nothing."""
    cluster = turn.cluster(request.cluster)
    service = existing(turn, cluster, request.service)
    if service.status != "ACTIVE":
        return
    if service.desired_count > 0 and not request.force and service.settings.scheduling_strategy != "DAEMON":
        raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
    if service.task_sets and not request.force:
        raise InvalidParameterException("The service cannot be deleted while it has task sets: delete them, or force.")
    turn.emit(ServiceDeleted(cluster=cluster.name, service=service.name, force=bool(request.force)))


def existing(turn: Turn, cluster: ClusterState, reference: str | None) -> ServiceState:
    """Find a service by name or ARN."""
    found = cluster.services.get(turn.local("service", reference or "", cluster.name))
    if found is None:
        raise ServiceNotFoundException("Service not found.")
    return found


def active(turn: Turn, cluster: ClusterState, reference: str | None) -> ServiceState:
    """Find a service that is ACTIVE."""
    found = existing(turn, cluster, reference)
    if found.status != "ACTIVE":
        raise ServiceNotActiveException("Service was not ACTIVE.")
    return found


def startable(turn: Turn, reference: str | None) -> DefinitionState:
    """Find a revision that a service's tasks may be started from."""
    found = usable(turn, reference, ClientException)
    runnable(found.definition)
    return found


def _deploy(turn: Turn, cluster: ClusterState, service: str, definition: str) -> None:
    turn.emit(
        DeploymentStarted(
            cluster=cluster.name, service=service, deployment=turn.ids.deployment(), task_definition=definition
        )
    )


def _replaced(cluster: ClusterState, held: DeploymentState) -> Replaced:
    wanted = sum(cluster.tasks[name].desired_status == "RUNNING" for name in held.tasks)
    return Replaced(held.id, held.definition, held.created_at, wanted, held.running, held.completed)


def _desired(count: int | None) -> int:
    if count is None:
        raise InvalidParameterException("DesiredCount is missing")
    if count < 0:
        raise InvalidParameterException("DesiredCount can not be lesser than 0")
    if count > DESIRED_COUNT_MAX:
        raise InvalidParameterException(f"DesiredCount can be at most {DESIRED_COUNT_MAX}, not {count}.")
    return count


def _is_repeat(found: ServiceState | None, token: str, digest: str) -> bool:
    check_token(token, TOKEN_CHARACTERS_MAX)
    if found is None or found.status == "INACTIVE":
        return False
    if found.status == "DRAINING":
        raise InvalidParameterException("Unable to Start a service that is still Draining.")
    if token and token == found.token and digest == found.request:
        return True
    raise InvalidParameterException("Creation of service was not idempotent.")


def _check_controller(service: ServiceState, request: shapes.UpdateServiceRequest) -> None:
    controller = request.deployment_controller
    settings = service.settings
    held = settings.deployment_controller.type if settings.deployment_controller is not None else None
    if controller is not None and controller.type not in {None, held or "ECS"}:
        raise UnsupportedFeatureException("This version can't change the deployment controller of a service.")
    if not is_external(settings):
        return
    given = [name for name in request.__struct_fields__ if getattr(request, name) and name not in EXTERNAL_UPDATES]
    if given:
        raise InvalidParameterException(f"With the deployment controller EXTERNAL, task sets have: {given[0]}.")
