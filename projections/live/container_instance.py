"""Container instance: how its events change the live view."""

from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AgentLost,
    AgentUpdateRequested,
    AttributesDeleted,
    AttributesPut,
    Capacity,
    ContainerInstanceDeregistered,
    ContainerInstanceRegistered,
    ContainerInstanceReregistered,
    ContainerInstanceStatusChanged,
    RuntimeHealthChanged,
)
from quarterdeck.events.shapes import Attribute
from quarterdeck.projections.live import task
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.states import ClusterState, NamespaceState

INACTIVE_KEPT_SECONDS = 3600.0
"""So long decisions know of an instance that it was there; the read models know it for ever."""


def registered(namespace: NamespaceState, event: ContainerInstanceRegistered, at: float) -> None:
    """Add an instance: ACTIVE, its agent not connected yet."""
    cluster = namespace.clusters[event.cluster]
    capacity = event.capacity
    instance = InstanceState(
        id=event.container_instance,
        zone=event.zone,
        host=event.host,
        instance_type=event.instance_type,
        ec2_instance_id=event.ec2_instance_id,
        cpu=capacity.cpu,
        memory=capacity.memory,
        cpu_left=capacity.cpu,
        memory_left=capacity.memory,
        tcp_kept=frozenset(capacity.ports),
        udp_kept=frozenset(capacity.udp_ports),
        tcp=set(),
        udp=set(),
        attributes=_values(event.attributes),
        session=event.session,
        origin=event.origin,
        tags=event.tags,
        disconnected_at=at,
        agent_version=_version(event),
        registered_at=at,
    )
    cluster.instances[instance.id] = instance
    cluster.away[instance.id] = None
    instance.reserves.update(cluster.room.daemons)
    cluster.room.join(instance)


def reregistered(namespace: NamespaceState, event: ContainerInstanceReregistered, _at: float) -> None:
    """Take over what a restarted agent says of its instance; what tasks hold stays held."""
    cluster, instance = _find(namespace, event.cluster, event.container_instance)
    _resize(instance, event.capacity)
    instance.attributes = _values(event.attributes)
    instance.session, instance.origin = event.session, event.origin
    before, instance.agent_version = instance.agent_version, _version(event) or instance.agent_version
    if instance.update == "PENDING" and instance.agent_version != before:
        instance.update = "UPDATED"
    cluster.room.resize(instance)
    cluster.room.move(instance)


def status_changed(namespace: NamespaceState, event: ContainerInstanceStatusChanged, at: float) -> None:
    """Set ACTIVE or DRAINING."""
    cluster, instance = _find(namespace, event.cluster, event.container_instance)
    instance.status = event.status
    if event.status == "DRAINING":
        cluster.draining[instance.id] = None
    else:
        cluster.draining.pop(instance.id, None)
        cluster.joined_at = at
    cluster.room.gain(instance)


def attributes_put(namespace: NamespaceState, event: AttributesPut, _at: float) -> None:
    """Give an instance attributes; tasks that asked for them may fit now."""
    cluster, instance = _find(namespace, event.cluster, event.container_instance)
    instance.attributes.update(_values(event.attributes))
    cluster.room.move(instance)


def attributes_deleted(namespace: NamespaceState, event: AttributesDeleted, _at: float) -> None:
    """Take attributes from an instance; tasks that asked for them stay, those that asked for others may fit."""
    cluster, instance = _find(namespace, event.cluster, event.container_instance)
    for name in event.names:
        instance.attributes.pop(name, None)
    cluster.room.move(instance)


def deregistered(namespace: NamespaceState, event: ContainerInstanceDeregistered, at: float) -> None:
    """Make an instance INACTIVE; it offers nothing any more, and its tasks were stopped before."""
    cluster, instance = _find(namespace, event.cluster, event.container_instance)
    instance.status = "INACTIVE"
    instance.connected = False
    cluster.away.pop(instance.id, None)
    cluster.draining.pop(instance.id, None)
    cluster.room.leave(instance)
    if not instance.tasks and not instance.stopping:
        cluster.deregistered.append((at, instance.id))
    while cluster.deregistered and cluster.deregistered[0][0] < at - INACTIVE_KEPT_SECONDS:
        cluster.instances.pop(cluster.deregistered.popleft()[1], None)


def connected(namespace: NamespaceState, event: AgentConnected, at: float) -> None:
    """Note that the agent is there, and with it the tasks it was lost with."""
    cluster, instance = _find(namespace, event.cluster, event.container_instance)
    instance.connected = True
    instance.session = event.session
    cluster.joined_at = at
    cluster.away.pop(instance.id, None)
    if instance.lost:
        instance.lost = False
        _count_away(cluster, instance, -1)
    cluster.room.gain(instance)


def disconnected(namespace: NamespaceState, event: AgentDisconnected, at: float) -> None:
    """Note that the agent is gone."""
    cluster, instance = _find(namespace, event.cluster, event.container_instance)
    instance.connected = False
    instance.disconnected_at = at
    cluster.away[instance.id] = None
    cluster.room.gain(instance)


def lost(namespace: NamespaceState, event: AgentLost, _at: float) -> None:
    """Note that the agent was gone for too long: its services' tasks are away."""
    cluster, instance = _find(namespace, event.cluster, event.container_instance)
    instance.lost = True
    _count_away(cluster, instance, 1)


def runtime_health(namespace: NamespaceState, event: RuntimeHealthChanged, _at: float) -> None:
    """Note how what runs the containers is."""
    _, instance = _find(namespace, event.cluster, event.container_instance)
    instance.runtime = event.status


def update_requested(namespace: NamespaceState, event: AgentUpdateRequested, _at: float) -> None:
    """Note that an update is wanted."""
    _, instance = _find(namespace, event.cluster, event.container_instance)
    instance.update = "PENDING"


def _find(namespace: NamespaceState, cluster: str, name: str) -> tuple[ClusterState, InstanceState]:
    found = namespace.clusters[cluster]
    instance = found.instances[name]
    instance.version += 1
    return found, instance


def _count_away(cluster: ClusterState, instance: InstanceState, change: int) -> None:
    for name in instance.tasks:
        held = cluster.tasks[name]
        service, _ = task.owners(cluster, held)
        if service is not None and held.desired_status == "RUNNING":
            service.away += change


def _resize(instance: InstanceState, capacity: Capacity) -> None:
    instance.cpu_left += capacity.cpu - instance.cpu
    instance.memory_left += capacity.memory - instance.memory
    instance.cpu, instance.memory = capacity.cpu, capacity.memory
    instance.tcp_kept, instance.udp_kept = frozenset(capacity.ports), frozenset(capacity.udp_ports)


def _version(event: ContainerInstanceRegistered | ContainerInstanceReregistered) -> str:
    return (event.version_info.agent_version or "") if event.version_info is not None else ""


def _values(attributes: list[Attribute]) -> dict[str, str]:
    return {each.name or "": each.value or "" for each in attributes}
