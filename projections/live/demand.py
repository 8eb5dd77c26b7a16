"""Demand: what a task needs of an instance, worked out once per task definition and set of overrides."""

from collections.abc import Iterator, Sequence

import msgspec

from quarterdeck.events import shapes

GPU_DIGITS_MAX = 9
"""More of them are too many whatever they say."""


class Demand(msgspec.Struct, frozen=True, cache_hash=True):
    """CPU units, MiB, static host ports, GPUs, attributes, and what expressions must say of an instance.

    Equal demands fit the same instances.
    """

    cpu: int
    memory: int
    tcp: frozenset[int] = frozenset()
    udp: frozenset[int] = frozenset()
    attributes: frozenset[tuple[str, str]] = frozenset()
    member_of: tuple[str, ...] = ()
    gpus: int = 0
    subnets: frozenset[str] = frozenset()
    """Of one of which the network of an awsvpc task is; none: it has no network of its own."""


def demand(definition: shapes.TaskDefinition, overrides: shapes.TaskOverride | None = None) -> Demand:
    """Add up a task's reservation: the task's size if it has one, else its containers' (spec §4.3)."""
    containers = definition.container_definitions or []
    by_name = {item.name: item for item in (overrides.container_overrides or [])} if overrides else {}
    cpu = (overrides.cpu if overrides else None) or definition.cpu
    memory = (overrides.memory if overrides else None) or definition.memory
    ports = _host_ports(definition)
    return Demand(
        cpu=int(cpu) if cpu else sum(_cpu(each, by_name.get(each.name)) for each in containers),
        memory=int(memory) if memory else sum(_memory(each, by_name.get(each.name)) for each in containers),
        tcp=frozenset(port for port, protocol in ports if protocol != "udp"),
        udp=frozenset(port for port, protocol in ports if protocol == "udp"),
        attributes=frozenset(_attributes(definition)),
        member_of=_expressions(definition.placement_constraints),
        gpus=sum(_gpus(each, by_name.get(each.name)) for each in containers),
    )


def constrained(needs: Demand, constraints: list[shapes.PlacementConstraint]) -> Demand:
    """Add the expressions that a service, or a call, brings to those of the task definition."""
    more = _expressions(constraints)
    if not more:
        return needs
    return msgspec.structs.replace(needs, member_of=tuple(dict.fromkeys((*needs.member_of, *more))))


def _expressions(
    constraints: Sequence[shapes.PlacementConstraint | shapes.TaskDefinitionPlacementConstraint] | None,
) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.expression or "" for each in constraints or [] if each.type == "memberOf"))


def _attributes(definition: shapes.TaskDefinition) -> Iterator[tuple[str, str]]:
    """What an instance must have: capabilities, and the platform if the definition names one (spec §5.2)."""
    yield from ((each.name or "", each.value or "") for each in definition.requires_attributes or [])
    platform = definition.runtime_platform
    if platform is None:
        return
    if platform.cpu_architecture:
        yield "ecs.cpu-architecture", platform.cpu_architecture.lower()
    if platform.operating_system_family:
        yield "ecs.os-type", platform.operating_system_family.partition("_")[0].lower()


def _cpu(container: shapes.ContainerDefinition, override: shapes.ContainerOverride | None) -> int:
    if override is not None and override.cpu is not None:
        return override.cpu
    return container.cpu or 0


def _memory(container: shapes.ContainerDefinition, override: shapes.ContainerOverride | None) -> int:
    soft, hard = container.memory_reservation, container.memory
    if override is not None:
        soft = override.memory_reservation if override.memory_reservation is not None else soft
        hard = override.memory if override.memory is not None else hard
    return soft or hard or 0


def _gpus(container: shapes.ContainerDefinition, override: shapes.ContainerOverride | None) -> int:
    given = override.resource_requirements if override is not None else None
    requirements = container.resource_requirements if given is None else given
    counts = (each.value or "" for each in requirements or [] if each.type == "GPU")
    return sum(int(count[:GPU_DIGITS_MAX]) if count.isdecimal() else 1 for count in counts)


def _host_ports(definition: shapes.TaskDefinition) -> list[tuple[int, str]]:
    if definition.network_mode in {"awsvpc", "none"}:
        return []
    return [
        (mapping.host_port, mapping.protocol or "tcp")
        for container in definition.container_definitions or []
        for mapping in container.port_mappings or []
        if mapping.host_port
    ]
