"""Need: what a task takes of an instance, added up from its definition apart from the code that is checked."""

from __future__ import annotations

import msgspec

from quarterdeck.events import shapes

Port = tuple[str, int]


class Need(msgspec.Struct, frozen=True):
    """What a task takes of an instance."""

    cpu: int
    memory: int
    ports: frozenset[Port]
    checked: bool = False
    attributes: frozenset[str] = frozenset()

    def plus(self, other: Need) -> Need:
        """Add what another task takes."""
        return Need(self.cpu + other.cpu, self.memory + other.memory, self.ports | other.ports, self.checked)


NOTHING = Need(cpu=0, memory=0, ports=frozenset())


def need_of(definition: shapes.TaskDefinition) -> Need:
    """Add up what the containers of a definition ask for; worlds have no task sizes and no overrides."""
    containers = definition.container_definitions or []
    ports = (
        (mapping.protocol or "tcp", mapping.host_port)
        for each in containers
        for mapping in each.port_mappings or []
        if mapping.host_port
    )
    return Need(
        cpu=sum(each.cpu or 0 for each in containers),
        memory=sum(each.memory or 0 for each in containers),
        ports=frozenset(ports),
        checked=any(each.health_check is not None for each in containers),
        attributes=frozenset(each.name or "" for each in definition.requires_attributes or []),
    )


def subnets_of(network: shapes.NetworkConfiguration | None) -> frozenset[str]:
    """Name the subnets a task may be in; none if it has no network of its own."""
    own = network.awsvpc_configuration if network is not None else None
    return frozenset(own.subnets or ()) if own is not None else frozenset()
