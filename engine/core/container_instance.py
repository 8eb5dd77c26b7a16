"""Container instance: deciding on registration, status and the agent's connection (spec §4)."""

import msgspec

from quarterdeck.engine.core import quota
from quarterdeck.engine.core.attribute import check_registered
from quarterdeck.engine.core.errors import ClientException, InvalidParameterException, ResourceInUseException
from quarterdeck.engine.core.tags import checked_tags
from quarterdeck.engine.core.turn import Turn, check_token, local_name, whole_number
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AgentLost,
    Capacity,
    ContainerInstanceDeregistered,
    ContainerInstanceRegistered,
    ContainerInstanceReregistered,
    ContainerInstanceStatusChanged,
)
from quarterdeck.events.names import parse_arn
from quarterdeck.events.task import TaskStopped
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.states import ClusterState

INSTANCES_PER_CALL_MAX = 10
PORT_MAX = 65_535
TOKEN_CHARACTERS_MAX = 64
HOST_ATTRIBUTE = "quarterdeck.host"
SESSION_ATTRIBUTE = "quarterdeck.session"
ORIGIN_ATTRIBUTE = "quarterdeck.origin"
FORCED = "Container instance deregistration forced by user"


class Identity(msgspec.Struct, frozen=True, rename="camel"):
    """The parts of an EC2 instance identity document that ECS looks at; all may be missing."""

    instance_id: str = ""
    instance_type: str = ""
    availability_zone: str = ""
    image_id: str = ""
    architecture: str = ""


def register(turn: Turn, request: shapes.RegisterContainerInstanceRequest) -> str:
    """Register an instance, or take it back when its agent restarts; gives its id."""
    check_token(request.client_token or "", TOKEN_CHARACTERS_MAX)
    identity = _identity(request.instance_identity_document)
    capacity = _capacity(request.total_resources)
    if request.container_instance_arn:
        return _reregister(turn, request, identity, capacity)
    cluster = turn.cluster(request.cluster)
    name = turn.ids.hex()
    zone = identity.availability_zone or _given(request, "ecs.availability-zone") or f"{turn.namespace.region}a"
    attributes = _attributes(request.attributes, _built_in(identity, zone))
    check_registered(name, attributes)
    most = turn.settings.quotas.instances
    quota.check(cluster.room.size, most, "container instances in the cluster", "quota_instances")
    turn.emit(
        ContainerInstanceRegistered(
            cluster=cluster.name,
            container_instance=name,
            ec2_instance_id=identity.instance_id,
            instance_type=identity.instance_type,
            zone=zone,
            host=_given(request, HOST_ATTRIBUTE),
            capacity=capacity,
            attributes=attributes,
            version_info=request.version_info,
            tags=checked_tags(request.tags),
            session=_given(request, SESSION_ATTRIBUTE),
            origin=_given(request, ORIGIN_ATTRIBUTE),
        )
    )
    return name


def deregister(turn: Turn, request: shapes.DeregisterContainerInstanceRequest) -> None:
    """Make an instance INACTIVE; with force, its tasks are STOPPED for ECS, whatever runs on the host."""
    cluster = turn.cluster(request.cluster)
    instance = existing(turn, cluster, request.container_instance)
    held = [*instance.tasks, *instance.stopping]
    if held and not request.force:
        raise InvalidParameterException("Found running tasks on the instance.")
    for name in held:
        code = cluster.tasks[name].stop_code or "UserInitiated"
        turn.emit(TaskStopped(cluster=cluster.name, task=name, stop_code=code, reason=FORCED))
    turn.emit(
        ContainerInstanceDeregistered(cluster=cluster.name, container_instance=instance.id, force=bool(request.force))
    )


def update_state(turn: Turn, request: shapes.UpdateContainerInstancesStateRequest) -> list[shapes.Failure]:
    """Set instances ACTIVE or DRAINING; those that can't be are told as failures."""
    cluster = turn.cluster(request.cluster)
    names = request.container_instances or []
    if not 1 <= len(names) <= INSTANCES_PER_CALL_MAX:
        raise InvalidParameterException(
            f"The number of container instances must be from 1 to {INSTANCES_PER_CALL_MAX}, not {len(names)}."
        )
    if request.status not in {"ACTIVE", "DRAINING"}:
        raise InvalidParameterException("Container instance status should be one of [ACTIVE, DRAINING]")
    wanted = [turn.local("container-instance", each, cluster.name) for each in names]
    failures = []
    for name in dict.fromkeys(wanted):
        instance = cluster.instances.get(name)
        if instance is None or instance.status == "INACTIVE":
            arn = turn.namespace.container_instance_arn(cluster.name, name)
            failures.append(shapes.Failure(arn=arn, reason="MISSING" if instance is None else "INACTIVE"))
        elif instance.status != request.status:
            turn.emit(
                ContainerInstanceStatusChanged(cluster=cluster.name, container_instance=name, status=request.status)
            )
    return failures


def connect(turn: Turn, cluster_name: str, name: str, session: str) -> None:
    """Note that an agent is heard; a repeat, or an instance that is gone, changes nothing."""
    instance = _known(turn, cluster_name, name)
    if instance is not None and instance.status != "INACTIVE" and not instance.connected:
        turn.emit(AgentConnected(cluster=cluster_name, container_instance=name, session=session))


def disconnect(turn: Turn, cluster_name: str, name: str, reason: str) -> None:
    """Note that an agent is not heard any more; a repeat changes nothing."""
    instance = _known(turn, cluster_name, name)
    if instance is not None and instance.connected:
        turn.emit(AgentDisconnected(cluster=cluster_name, container_instance=name, reason=reason))


def lose_overdue(turn: Turn) -> None:
    """Declare lost each agent that has been away for `lost_after` seconds."""
    if not turn.settings.lost_after:
        return
    for cluster in turn.state.clusters.values():
        for name in list(cluster.away):
            instance = cluster.instances[name]
            if overdue(instance, turn.now, turn.settings.lost_after):
                turn.emit(
                    AgentLost(cluster=cluster.name, container_instance=name, after_seconds=turn.settings.lost_after)
                )


def overdue(instance: InstanceState, now: float, lost_after: float) -> bool:
    """Tell whether an agent has been away for too long, and it is not noted yet."""
    return not instance.connected and not instance.lost and now - instance.disconnected_at >= lost_after


def existing(turn: Turn, cluster: ClusterState, reference: str | None) -> InstanceState:
    """Find an instance that is not INACTIVE, by id or ARN."""
    if not reference:
        raise InvalidParameterException("Container instance can not be blank.")
    found = cluster.instances.get(turn.local("container-instance", reference, cluster.name))
    if found is None:
        raise InvalidParameterException("The referenced container instance was not found.")
    if found.status == "INACTIVE":
        raise InvalidParameterException(f"Container instance {found.id} is inactive.")
    return found


def _known(turn: Turn, cluster_name: str, name: str) -> InstanceState | None:
    cluster = turn.state.clusters.get(cluster_name)
    return cluster.instances.get(name) if cluster is not None else None


def _reregister(
    turn: Turn, request: shapes.RegisterContainerInstanceRequest, identity: Identity, capacity: Capacity
) -> str:
    arn = parse_arn(request.container_instance_arn or "")
    name = local_name(turn.namespace, "container-instance", request.container_instance_arn or "")
    cluster = turn.cluster(request.cluster)
    if arn is not None and len(arn.path) > 1 and arn.path[0] != cluster.name:
        raise ClientException(
            f"Container instance {name} is registered in cluster {arn.path[0]} and can not move to {cluster.name}. "
            "Start the agent for the cluster it belongs to, or with an empty data directory to register anew."
        )
    instance = cluster.instances.get(name)
    if instance is None or instance.status == "INACTIVE":
        raise ClientException(f"Container instance {name} is inactive.")
    if identity.instance_type != instance.instance_type:
        raise ClientException(
            "Container instance type changes are not supported. "
            f"Container instance {name} was previously registered as {instance.instance_type}."
        )
    origin = _given(request, ORIGIN_ATTRIBUTE)
    if instance.connected and origin and instance.origin not in {"", origin}:
        raise ResourceInUseException(
            f"Container instance {name} is in use by another agent, which is connected: this data directory is a copy "
            "of that agent's. Start this agent with an empty data directory to register anew, or stop the other first."
        )
    attributes = _attributes(request.attributes, _kept(instance))
    check_registered(name, attributes, instance.attributes.keys())
    turn.emit(
        ContainerInstanceReregistered(
            cluster=cluster.name,
            container_instance=name,
            capacity=capacity,
            attributes=attributes,
            version_info=request.version_info,
            session=_given(request, SESSION_ATTRIBUTE),
            origin=origin,
        )
    )
    return name


def _identity(document: str | None) -> Identity:
    if not document:
        return Identity()
    try:
        return msgspec.json.decode(document, type=Identity)
    except msgspec.MsgspecError as error:
        raise InvalidParameterException(f"Invalid instance identity document: {error}") from error


def _capacity(resources: list[shapes.Resource] | None) -> Capacity:
    by_name = {each.name: each for each in resources or []}
    cpu, memory = (_amount(by_name.get(name), name) for name in ("CPU", "MEMORY"))
    return Capacity(
        cpu=cpu,
        memory=memory,
        ports=_ports(by_name.get("PORTS")),
        udp_ports=_ports(by_name.get("PORTS_UDP")),
    )


def _amount(resource: shapes.Resource | None, name: str) -> int:
    if resource is None or resource.integer_value is None or resource.integer_value < 0:
        raise InvalidParameterException(f"Invalid totalResources: {name} must be given as a whole number from 0.")
    return resource.integer_value


def _ports(resource: shapes.Resource | None) -> list[int]:
    texts = (resource.string_set_value or []) if resource is not None else []
    for text in texts:
        if not 1 <= (whole_number(text) or 0) <= PORT_MAX:
            raise InvalidParameterException(f"Invalid totalResources: {text} is not a port.")
    return sorted({int(text) for text in texts})


def _given(request: shapes.RegisterContainerInstanceRequest, name: str) -> str:
    return next((each.value or "" for each in request.attributes or [] if each.name == name), "")


def _built_in(identity: Identity, zone: str) -> dict[str, str]:
    architecture = identity.architecture or "x86_64"
    known = {
        "ecs.availability-zone": zone,
        "ecs.instance-type": identity.instance_type,
        "ecs.ami-id": identity.image_id,
        "ecs.os-type": "linux",
        "ecs.cpu-architecture": architecture,
    }
    return {name: value for name, value in known.items() if value}


def _kept(instance: InstanceState) -> dict[str, str]:
    """List what stays of the attributes: built-in and custom ones; capabilities are told anew each time."""
    return {
        name: value
        for name, value in instance.attributes.items()
        if not name.startswith(("ecs.capability.", "com.amazonaws.ecs.capability."))
    }


def _attributes(told: list[shapes.Attribute] | None, built_in: dict[str, str]) -> list[shapes.Attribute]:
    values = dict(built_in)
    for each in told or []:
        if each.name and each.name not in {HOST_ATTRIBUTE, SESSION_ATTRIBUTE, ORIGIN_ATTRIBUTE}:
            values[each.name] = each.value or ""
    return [shapes.Attribute(name=name, value=value or None) for name, value in values.items()]
