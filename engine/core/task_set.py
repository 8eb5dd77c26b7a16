"""Task set: deciding on the sets of tasks that a service with the controller EXTERNAL is made of (spec §9.8)."""

from quarterdeck.engine.core import (
    capacity_provider_strategy,
    load_balancer,
    network_configuration,
    service_settings,
    volume_configuration,
)
from quarterdeck.engine.core.errors import (
    InvalidParameterException,
    TaskSetNotFoundException,
    UnsupportedFeatureException,
)
from quarterdeck.engine.core.service import TOKEN_CHARACTERS_MAX, active, startable
from quarterdeck.engine.core.tags import checked_tags
from quarterdeck.engine.core.task import check_launch_type
from quarterdeck.engine.core.turn import Turn, check_token
from quarterdeck.events import shapes
from quarterdeck.events.names import parse_arn
from quarterdeck.events.task_set import PrimaryTaskSetChanged, TaskSetCreated, TaskSetDeleted, TaskSetScaled
from quarterdeck.projections.live.states import ClusterState, ServiceState, TaskSetState

TASK_SETS_MAX = 5
SCALE_FULL = 100.0
ARN_PARTS = 4


def create(turn: Turn, request: shapes.CreateTaskSetRequest) -> str:
    """Add a task set to a service; gives its id. The same token again gives the set that it made."""
    cluster, service = external(turn, request.cluster, request.service)
    token = request.client_token or ""
    check_token(token, TOKEN_CHARACTERS_MAX)
    known = next((each for each in service.task_sets if token and each.token == token), None)
    if known is not None:
        if known.request != turn.digest:
            raise InvalidParameterException("Creation of task set was not idempotent.")
        return known.id
    definition = startable(turn, request.task_definition)
    _check(definition.definition, request)
    if len(service.task_sets) >= TASK_SETS_MAX:
        raise InvalidParameterException(f"A service can have at most {TASK_SETS_MAX} task sets.")
    event = TaskSetCreated(
        cluster=cluster.name,
        service=service.name,
        task_set=turn.ids.deployment(),
        task_definition=definition.name,
        scale=_scale(request.scale) if request.scale is not None else SCALE_FULL,
        external_id=request.external_id or "",
        network_configuration=request.network_configuration,
        load_balancers=request.load_balancers or [],
        service_registries=request.service_registries or [],
        tags=checked_tags(request.tags),
        token=token,
        request=turn.digest,
    )
    turn.emit(event)
    return event.task_set


def update(turn: Turn, request: shapes.UpdateTaskSetRequest) -> str:
    """Change a task set's share of the service's desired count; gives its id."""
    cluster, service = external(turn, request.cluster, request.service)
    found = existing(turn, cluster, service, request.task_set)
    if request.scale is None:
        raise InvalidParameterException("scale is missing")
    scale = _scale(request.scale)
    if found.status != "ACTIVE":
        raise InvalidParameterException("The task set is DRAINING.")
    if scale != found.scale:
        turn.emit(TaskSetScaled(cluster=cluster.name, service=service.name, task_set=found.id, scale=scale))
    return found.id


def make_primary(turn: Turn, request: shapes.UpdateServicePrimaryTaskSetRequest) -> str:
    """Make a task set the PRIMARY of its service; gives its id."""
    cluster, service = external(turn, request.cluster, request.service)
    found = existing(turn, cluster, service, request.primary_task_set)
    if found.status != "ACTIVE":
        raise InvalidParameterException("The task set is DRAINING.")
    if service.primary_task_set != found.id:
        turn.emit(PrimaryTaskSetChanged(cluster=cluster.name, service=service.name, task_set=found.id))
    return found.id


def delete(turn: Turn, request: shapes.DeleteTaskSetRequest) -> str:
    """Begin DRAINING a task set that is scaled to nothing, or any with force; gives its id."""
    cluster, service = external(turn, request.cluster, request.service)
    found = existing(turn, cluster, service, request.task_set)
    if found.status == "ACTIVE":
        if found.scale > 0 and not request.force:
            raise InvalidParameterException("The task set cannot be deleted while it is scaled above 0.")
        turn.emit(
            TaskSetDeleted(cluster=cluster.name, service=service.name, task_set=found.id, force=bool(request.force))
        )
    return found.id


def external(turn: Turn, cluster: str | None, service: str | None) -> tuple[ClusterState, ServiceState]:
    """Find the ACTIVE service a request names, which must be one of task sets."""
    if not cluster:
        raise InvalidParameterException("Cluster can not be blank.")
    inside = turn.cluster(cluster)
    found = active(turn, inside, service)
    if not service_settings.is_external(found.settings):
        raise InvalidParameterException("Task sets are only supported with the deployment controller EXTERNAL.")
    return inside, found


def existing(turn: Turn, cluster: ClusterState, service: ServiceState, reference: str | None) -> TaskSetState:
    """Find a task set of a service by id or ARN."""
    found = service.task_set(task_set_id(reference or ""))
    arn = parse_arn(reference or "")
    if arn is not None:
        turn.local("task-set", reference or "", cluster.name)
        if len(arn.path) != ARN_PARTS or arn.path[1] != service.name:
            found = None
    if found is None:
        raise TaskSetNotFoundException("The specified task set was not found.")
    return found


def task_set_id(reference: str) -> str:
    """Take ``ecs-svc/<digits>`` out of a reference, which may be that or an ARN."""
    return "/".join(reference.split("/")[-2:])


def _check(definition: shapes.TaskDefinition, request: shapes.CreateTaskSetRequest) -> None:
    if request.launch_type is not None and request.capacity_provider_strategy:
        raise InvalidParameterException(service_settings.BOTH)
    check_launch_type(request.launch_type)
    if request.launch_type not in {None, "EC2"}:
        raise UnsupportedFeatureException("Only the launch type EC2 is supported.")
    capacity_provider_strategy.check(request.capacity_provider_strategy)
    if request.platform_version:
        raise InvalidParameterException("The platform version must be null when specifying an EC2 launch type")
    network_configuration.check(definition, request.network_configuration)
    load_balancer.check(definition, request.load_balancers or [], request.service_registries or [])
    volume_configuration.check(definition, None)


def _scale(scale: shapes.Scale) -> float:
    value = SCALE_FULL if scale.value is None else scale.value
    if scale.unit not in {None, "PERCENT"}:
        raise InvalidParameterException("scale unit should be one of [PERCENT]")
    if not 0 <= value <= SCALE_FULL:
        raise InvalidParameterException("scale value must be from 0 to 100")
    return value
