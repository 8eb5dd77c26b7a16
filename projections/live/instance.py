"""Instance: what the live view remembers of a container instance."""

from collections.abc import Collection

import msgspec

from quarterdeck.events.shapes import Tag
from quarterdeck.projections.live.demand import Demand


class InstanceState(msgspec.Struct):
    """A container instance and what is left of it.

    ``tasks`` gives the group of each task that holds something here, ``running`` counts those RUNNING; ``stopping``
    names those that are STOPPING, and hold nothing any more; ``reserves`` is what DAEMON services still need here, by
    their groups.
    """

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
    origin: str = ""
    tags: list[Tag] = msgspec.field(default_factory=list)
    status: str = "ACTIVE"
    connected: bool = False
    disconnected_at: float = 0.0
    lost: bool = False
    version: int = 1
    agent_version: str = ""
    runtime: str = "OK"
    update: str = ""
    registered_at: float = 0.0
    running: int = 0
    tasks: dict[str, str] = msgspec.field(default_factory=dict)
    stopping: dict[str, None] = msgspec.field(default_factory=dict)
    reserves: dict[str, Demand] = msgspec.field(default_factory=dict)

    @property
    def groups(self) -> Collection[str]:
        """The group of each task that holds something."""
        return self.tasks.values()
