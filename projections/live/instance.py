"""Instance: what the live view remembers of a container instance."""

import msgspec

from quarterdeck.events.shapes import Tag


class InstanceState(msgspec.Struct):
    """A container instance and what is left of it."""

    id: str
    zone: str
    host: str
    instance_type: str
    ec2_instance_id: str
    cpu: int
    memory: int
    cpu_left: int
    memory_left: int
    tcp_kept: frozenset[int]
    udp_kept: frozenset[int]
    tcp: set[int]
    udp: set[int]
    attributes: dict[str, str]
    session: str = ""
    tags: list[Tag] = msgspec.field(default_factory=list)
    status: str = "ACTIVE"
    connected: bool = False
    disconnected_at: float = 0.0
    lost: bool = False
    version: int = 1
    tasks: dict[str, None] = msgspec.field(default_factory=dict)
