"""Service: deciding on creation, update and deletion (spec §7.2 to §7.4); its tasks come from `reconcile`."""

import msgspec

from quarterdeck.engine.core.deployment_configuration import complete_configuration
from quarterdeck.engine.core.errors import (
    ClientException,
    InvalidParameterException,
    ServiceNotActiveException,
    ServiceNotFoundException,
    UnsupportedFeatureException,
)
from quarterdeck.engine.core.tags import checked_tags
from quarterdeck.engine.core.task_definition import evaluable, usable
from quarterdeck.engine.core.turn import Turn, valid_name
from quarterdeck.events import shapes
from quarterdeck.events.service import (
    DeploymentStarted,
    ServiceCreated,
    ServiceDeleted,
    ServiceSettings,
    ServiceUpdated,
)
from quarterdeck.projections.live.states import ClusterState, DefinitionState, ServiceState

DESIRED_COUNT_MAX = 5000
TOKEN_CHARACTERS_MAX = 36
LAUNCH_TYPES = ("EC2", "FARGATE", "EXTERNAL", "FMI", "MANAGED_INSTANCES")
UNSUPPORTED = (
    "load_balancers",
    "service_registries",
    "network_configuration",
    "placement_constraints",
    "placement_strategy",
    "capacity_provider_strategy",
    "service_connect_configuration",
    "volume_configurations",
    "vpc_lattice_configurations",
    "gateway_connectors",
)


def create(turn: Turn, request: shapes.CreateServiceRequest) -> None:
    """Create a service and start its first deployment; nothing is placed in this decision."""
    cluster = turn.cluster(request.cluster)
    if not valid_name(request.service_name):
        raise InvalidParameterException("Invalid service name.")
    _check_strategies(request)
    _check_supported(request)
    name = request.service_name or ""
    if _is_repeat(cluster.services.get(name), request.client_token or "", turn.digest):
        return
    definition = _definition(turn, request.task_definition)
    desired = _desired(request.desired_count)
    settings = ServiceSettings(
        launch_type=request.launch_type or "EC2",
        deployment_configuration=complete_configuration(request.deployment_configuration),
        deployment_controller=request.deployment_controller,
        health_check_grace_period_seconds=request.health_check_grace_period_seconds or 0,
        enable_ecs_managed_tags=bool(request.enable_ecs_managed_tags),
        propagate_tags=request.propagate_tags or "NONE",
        enable_execute_command=bool(request.enable_execute_command),
        role=request.role or "",
    )
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
    _deploy(turn, cluster, name, definition.name)


def update(turn: Turn, request: shapes.UpdateServiceRequest) -> None:
    """Change a service; another task definition, or force, starts a deployment."""
    cluster = turn.cluster(request.cluster)
    service = existing(turn, cluster, request.service)
    if service.status != "ACTIVE":
        raise ServiceNotActiveException("Service was not ACTIVE.")
    _check_supported(request)
    current = service.deployments[0].definition
    definition = current
    if request.task_definition:
        definition = _definition(turn, request.task_definition).name
    desired = None
    if request.desired_count is not None:
        if request.desired_count < 0:
            raise InvalidParameterException("Task count can not be lesser than 0")
        desired = _desired(request.desired_count)
    settings = _changed(service.settings, request)
    turn.emit(
        ServiceUpdated(
            cluster=cluster.name,
            service=service.name,
            desired_count=desired,
            settings=settings if settings != service.settings else None,
        )
    )
    if definition != current or request.force_new_deployment:
        _deploy(turn, cluster, service.name, definition)


def delete(turn: Turn, request: shapes.DeleteServiceRequest) -> None:
    """Begin DRAINING a service that wants no tasks, or any with force; a repeat changes nothing."""
    cluster = turn.cluster(request.cluster)
    service = existing(turn, cluster, request.service)
    if service.status != "ACTIVE":
        return
    if service.desired_count > 0 and not request.force:
        raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
    turn.emit(ServiceDeleted(cluster=cluster.name, service=service.name, force=bool(request.force)))


def existing(turn: Turn, cluster: ClusterState, reference: str | None) -> ServiceState:
    """Find a service by name or ARN."""
    found = cluster.services.get(turn.local("service", reference or "", cluster.name))
    if found is None:
        raise ServiceNotFoundException("Service not found.")
    return found


def _definition(turn: Turn, reference: str | None) -> DefinitionState:
    found = evaluable(usable(turn, reference, ClientException))
    if found.definition.network_mode == "awsvpc":
        raise InvalidParameterException(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    return found


def _deploy(turn: Turn, cluster: ClusterState, service: str, definition: str) -> None:
    turn.emit(
        DeploymentStarted(
            cluster=cluster.name, service=service, deployment=turn.ids.deployment(), task_definition=definition
        )
    )


def _desired(count: int | None) -> int:
    if count is None:
        raise InvalidParameterException("DesiredCount is missing")
    if count < 0:
        raise InvalidParameterException("DesiredCount can not be lesser than 0")
    if count > DESIRED_COUNT_MAX:
        raise InvalidParameterException(f"DesiredCount can be at most {DESIRED_COUNT_MAX}, not {count}.")
    return count


def _is_repeat(found: ServiceState | None, token: str, digest: str) -> bool:
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise InvalidParameterException(f"idempotency token longer than {TOKEN_CHARACTERS_MAX}.")
    if found is None or found.status == "INACTIVE":
        return False
    if found.status == "DRAINING":
        raise InvalidParameterException("Unable to Start a service that is still Draining.")
    if token and token == found.token and digest == found.request:
        return True
    raise InvalidParameterException("Creation of service was not idempotent.")


def _check_strategies(request: shapes.CreateServiceRequest) -> None:
    if request.scheduling_strategy not in {None, "REPLICA", "DAEMON"}:
        raise InvalidParameterException("Scheduling strategy should be one of [REPLICA,DAEMON]")
    if request.launch_type is not None and request.launch_type not in LAUNCH_TYPES:
        raise InvalidParameterException(f"launch type should be one of [{','.join(LAUNCH_TYPES)}]")
    if request.launch_type is not None and request.capacity_provider_strategy:
        raise InvalidParameterException(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    if request.scheduling_strategy == "DAEMON":
        raise UnsupportedFeatureException("The scheduling strategy DAEMON is not supported by this version.")
    if request.launch_type not in {None, "EC2"}:
        raise UnsupportedFeatureException("Only the launch type EC2 is supported.")
    controller = request.deployment_controller
    if controller is not None and controller.type not in {None, "ECS"}:
        raise UnsupportedFeatureException(f"The deployment controller {controller.type} is not supported.")


def _check_supported(request: shapes.CreateServiceRequest | shapes.UpdateServiceRequest) -> None:
    given = [name for name in UNSUPPORTED if getattr(request, name)]
    if given:
        raise UnsupportedFeatureException(f"Not supported by this version: {', '.join(given)}.")
    if request.availability_zone_rebalancing == "ENABLED":
        raise UnsupportedFeatureException("Availability zone rebalancing is not supported by this version.")


def _changed(settings: ServiceSettings, request: shapes.UpdateServiceRequest) -> ServiceSettings:
    configuration = settings.deployment_configuration
    if request.deployment_configuration is not None:
        configuration = complete_configuration(request.deployment_configuration, configuration)
    given = {
        "health_check_grace_period_seconds": request.health_check_grace_period_seconds,
        "enable_ecs_managed_tags": request.enable_ecs_managed_tags,
        "propagate_tags": request.propagate_tags,
        "enable_execute_command": request.enable_execute_command,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    return msgspec.structs.replace(settings, deployment_configuration=configuration, **changes)
