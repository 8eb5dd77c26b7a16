"""Container instance: the events of its life, and of its agent's connection."""

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.base import ClusterEvent


class ContainerInstanceEvent(ClusterEvent, frozen=True, kw_only=True, gc=False):
    """An event about one container instance, named by its 32 hex digits."""

    container_instance: str


class Capacity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What an instance offers: CPU units (1024 a core), MiB, and ports it keeps for itself."""

    cpu: int
    memory: int
    ports: list[int] = []
    udp_ports: list[int] = []


class ContainerInstanceRegistered(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """An instance joined a cluster and is ACTIVE; its agent is not connected yet.

    ``host`` names the machine: instances that share one share its ports.
    ``session`` is the registering agent's token, which makes a repeat harmless; ``origin`` tells its data directory
    from a copy of it elsewhere.
    """

    ec2_instance_id: str = ""
    instance_type: str = ""
    zone: str
    host: str = ""
    capacity: Capacity
    attributes: list[shapes.Attribute] = []
    version_info: shapes.VersionInfo | None = None
    tags: list[shapes.Tag] = []
    session: str = ""
    origin: str = ""


class ContainerInstanceReregistered(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """A known instance's agent came back after a restart, perhaps with other capacity."""

    capacity: Capacity
    attributes: list[shapes.Attribute] = []
    version_info: shapes.VersionInfo | None = None
    session: str = ""
    origin: str = ""


class ContainerInstanceStatusChanged(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """An instance was set ACTIVE or DRAINING."""

    status: str


class ContainerInstanceDeregistered(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """An instance became INACTIVE, for ever."""

    force: bool = False


class AttributesPut(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """An instance got custom attributes; those of a name it had have another value."""

    attributes: list[shapes.Attribute]


class AttributesDeleted(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """An instance lost custom attributes."""

    names: list[str]


class AgentConnected(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """agentConnected became TRUE."""

    session: str = ""


class AgentDisconnected(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """agentConnected became FALSE; by itself this stops nothing."""

    reason: str = ""


class AgentLost(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """An agent stayed away so long that its services' tasks are replaced elsewhere."""

    after_seconds: float


class RuntimeHealthChanged(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """What runs an instance's containers became OK or IMPAIRED, as its agent says; by itself this stops nothing."""

    status: str
    reason: str = ""


class AgentUpdateRequested(ContainerInstanceEvent, frozen=True, kw_only=True, gc=False):
    """An agent is to be updated by whoever runs it; PENDING until one of another version registers."""
