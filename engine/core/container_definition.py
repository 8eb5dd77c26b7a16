"""Container definition: the defaults ECS writes into it, and what it refuses (spec §5.3 to §5.5)."""

from collections.abc import Hashable, Sequence

import msgspec

from quarterdeck.engine.core.errors import ClientException
from quarterdeck.engine.core.turn import valid_name
from quarterdeck.events import shapes

PORT_MAX = 65_535
MEMORY_MIB_MIN = 6
SAME_PORT_MODES = ("host", "awsvpc")


def complete(container: shapes.ContainerDefinition, network_mode: str | None) -> shapes.ContainerDefinition:
    """Check a container by itself and fill in the defaults that descriptions show."""
    if not container.name:
        raise ClientException("Container.name should not be null or empty.")
    if not valid_name(container.name):
        raise ClientException(f"Container name '{container.name}' contains invalid characters.")
    if not container.image:
        raise ClientException("Container.image should not be null or empty.")
    _check_amounts(container)
    ports = [_port(container, each, network_mode) for each in container.port_mappings or []]
    if ports and network_mode == "none":
        raise ClientException(f"Port mappings on container '{container.name}' are not supported when networkMode=none.")
    return msgspec.structs.replace(
        container,
        cpu=container.cpu or 0,
        essential=True if container.essential is None else container.essential,
        environment=container.environment or [],
        mount_points=container.mount_points or [],
        volumes_from=container.volumes_from or [],
        port_mappings=ports,
        system_controls=container.system_controls or [],
        health_check=_health_check(container.health_check),
    )


def check_sizes(definition: shapes.TaskDefinition) -> None:
    """Check each container's size against the task's."""
    containers = definition.container_definitions or []
    if definition.cpu and sum(each.cpu or 0 for each in containers) > int(definition.cpu):
        raise ClientException(
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."
        )
    for each in containers:
        _check_memory(each, int(definition.memory) if definition.memory else None)


def check_ports(definition: shapes.TaskDefinition) -> None:
    """Check that no port is given away twice; where a task has one network, by none of its containers."""
    containers = definition.container_definitions or []
    mappings = [each.port_mappings or [] for each in containers]
    together = [each for ports in mappings for each in ports]
    for ports in [together] if definition.network_mode in SAME_PORT_MODES else mappings:
        if _has_repeats([each.container_port for each in ports]):
            raise ClientException("container port is used multiple times in task")
    if _has_repeats([(each.host_port, each.protocol) for each in together if each.host_port]):
        raise ClientException("host port is used multiple times in task")
    if _has_repeats([each.name for each in together if each.name]):
        raise ClientException("port mapping name is already used")


def check_volumes(definition: shapes.TaskDefinition) -> None:
    """Check that volumes have names, one kind at most, and that mounts name volumes there are."""
    volumes = definition.volumes or []
    names = [each.name for each in volumes]
    for volume in volumes:
        if not valid_name(volume.name):
            raise ClientException(f"Invalid volume name '{volume.name or ''}'.")
        _check_kind(volume)
    if _has_repeats(names):
        raise ClientException("Volume names must be unique within a task definition.")
    for container in definition.container_definitions or []:
        for mount in container.mount_points or []:
            if mount.source_volume not in names:
                raise ClientException(f"Unknown volume '{mount.source_volume}'.")
            if not mount.container_path:
                raise ClientException(f"Mount point of volume '{mount.source_volume}' needs a containerPath.")


def _check_kind(volume: shapes.Volume) -> None:
    if volume.efs_volume_configuration or volume.fsx_windows_file_server_volume_configuration:
        raise ClientException(f"Volume '{volume.name}' is of a kind that no container instance here supports.")
    if volume.configured_at_launch or volume.s3files_volume_configuration:
        raise ClientException(f"Volume '{volume.name}' is of a kind that no container instance here supports.")
    if volume.docker_volume_configuration and volume.host and volume.host.source_path:
        raise ClientException(f"Volume '{volume.name}' can be of one kind only.")


def _check_amounts(container: shapes.ContainerDefinition) -> None:
    if (container.cpu or 0) < 0:
        raise ClientException(f"Invalid 'cpu' setting for container '{container.name}'.")
    for amount, member in ((container.memory, "memory"), (container.memory_reservation, "memoryReservation")):
        if amount is not None and amount < MEMORY_MIB_MIN:
            raise ClientException(
                f"Invalid '{member}' setting for container '{container.name}'. "
                f"'{member}' must be at least {MEMORY_MIB_MIN}."
            )


def _check_memory(container: shapes.ContainerDefinition, task_memory: int | None) -> None:
    hard, soft = container.memory, container.memory_reservation
    if hard is not None and soft is not None and hard < soft:
        raise ClientException(
            f"Invalid setting for container '{container.name}'. "
            "'memory' must be greater than or equal to 'memoryReservation'."
        )
    if task_memory is None and hard is None and soft is None:
        raise ClientException(
            f"Invalid setting for container '{container.name}'. "
            "At least one of 'memory' or 'memoryReservation' must be specified."
        )
    if task_memory is not None and hard is not None and hard > task_memory:
        raise ClientException(f"The 'memory' setting for container '{container.name}' is greater than for the task.")


def _port(
    container: shapes.ContainerDefinition, mapping: shapes.PortMapping, network_mode: str | None
) -> shapes.PortMapping:
    if mapping.container_port_range is not None and mapping.container_port is not None:
        raise ClientException("cannot specify both single port and port range")
    if mapping.container_port_range is not None:
        raise ClientException(
            f"Invalid 'containerPortRange' setting for container '{container.name}': "
            "port ranges are not supported by this version."
        )
    port, host = mapping.container_port, mapping.host_port
    if port is None or not 1 <= port <= PORT_MAX:
        raise ClientException(f"Invalid 'containerPort' setting for container '{container.name}'.")
    if host is not None and not 0 <= host <= PORT_MAX:
        raise ClientException(f"Invalid 'hostPort' setting for container '{container.name}'.")
    protocol = mapping.protocol or "tcp"
    if protocol not in {"tcp", "udp"}:
        raise ClientException("protocol should be one of [tcp,udp]")
    if network_mode in SAME_PORT_MODES:
        if host not in {None, 0, port}:
            raise ClientException(
                f"When networkMode={network_mode}, the host ports and container ports in port mappings must match."
            )
        host = port
    return msgspec.structs.replace(mapping, host_port=host or 0, protocol=protocol)


def _has_repeats(values: Sequence[Hashable]) -> bool:
    return len(set(values)) < len(values)


def _health_check(check: shapes.HealthCheck | None) -> shapes.HealthCheck | None:
    if check is None:
        return None
    return msgspec.structs.replace(
        check, interval=check.interval or 30, timeout=check.timeout or 5, retries=check.retries or 3
    )
