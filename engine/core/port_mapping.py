"""Port mapping: the ports of a container, alone or in ranges, and what ECS refuses of them (spec §5.4)."""

import re
from collections.abc import Hashable, Sequence
from itertools import pairwise

import msgspec

from quarterdeck.engine.core.errors import ClientException
from quarterdeck.events import shapes

PORT_MAX = 65_535
RANGES_MAX = 100
SAME_PORT_MODES = ("host", "awsvpc")
RANGE_MODES = (None, "bridge", "awsvpc")
APP_PROTOCOLS = ("http", "http2", "grpc")
_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
_RANGE = re.compile(r"(\d{1,5})-(\d{1,5})")


def complete(container: shapes.ContainerDefinition, network_mode: str | None) -> list[shapes.PortMapping]:
    """Check a container's mappings one by one and fill in what descriptions show."""
    mappings = container.port_mappings or []
    if mappings and network_mode == "none":
        raise ClientException(f"Port mappings on container '{container.name}' are not supported when networkMode=none.")
    if sum(1 for each in mappings if each.container_port_range is not None) > RANGES_MAX:
        raise ClientException(
            f"Too many port ranges for container '{container.name}': at most {RANGES_MAX} are allowed."
        )
    return [_complete(container.name or "", each, network_mode) for each in mappings]


def check(definition: shapes.TaskDefinition) -> None:
    """Check that no port is given away twice; where a task has one network, by none of its containers."""
    mappings = [each.port_mappings or [] for each in definition.container_definitions or []]
    together = [each for ports in mappings for each in ports]
    for ports in [together] if definition.network_mode in SAME_PORT_MODES else mappings:
        spans = sorted(span(each) for each in ports)
        if any(after[0] <= before[1] for before, after in pairwise(spans)):
            raise ClientException("container port is used multiple times in task")
    if _has_repeats([(each.host_port, each.protocol) for each in together if each.host_port]):
        raise ClientException("host port is used multiple times in task")
    if _has_repeats([each.name for each in together if each.name]):
        raise ClientException("port mapping name is already used")


def span(mapping: shapes.PortMapping) -> tuple[int, int]:
    """Tell the first and the last container port of a mapping that was checked."""
    if mapping.container_port_range is not None:
        low, _, high = mapping.container_port_range.partition("-")
        return int(low), int(high)
    return mapping.container_port or 0, mapping.container_port or 0


def _complete(container: str, mapping: shapes.PortMapping, network_mode: str | None) -> shapes.PortMapping:
    protocol = mapping.protocol or "tcp"
    if protocol not in {"tcp", "udp"}:
        raise ClientException("protocol should be one of [tcp,udp]")
    if mapping.name is not None and not _NAME.fullmatch(mapping.name):
        raise ClientException(f"Invalid port mapping name '{mapping.name}'.")
    if mapping.app_protocol is not None and mapping.app_protocol not in APP_PROTOCOLS:
        raise ClientException(f"appProtocol should be one of [{','.join(APP_PROTOCOLS)}]")
    if mapping.container_port_range is not None:
        _check_range(container, mapping, network_mode)
        return msgspec.structs.replace(mapping, protocol=protocol)
    return msgspec.structs.replace(mapping, host_port=_host_port(container, mapping, network_mode), protocol=protocol)


def _host_port(container: str, mapping: shapes.PortMapping, network_mode: str | None) -> int:
    port, host = mapping.container_port, mapping.host_port
    if port is None or not 1 <= port <= PORT_MAX:
        raise ClientException(f"Invalid 'containerPort' setting for container '{container}'.")
    if host is not None and not 0 <= host <= PORT_MAX:
        raise ClientException(f"Invalid 'hostPort' setting for container '{container}'.")
    if network_mode not in SAME_PORT_MODES:
        return host or 0
    if host not in {None, 0, port}:
        raise ClientException(
            f"When networkMode={network_mode}, the host ports and container ports in port mappings must match."
        )
    return port


def _check_range(container: str, mapping: shapes.PortMapping, network_mode: str | None) -> None:
    if mapping.container_port is not None or mapping.host_port is not None:
        raise ClientException("cannot specify both single port and port range")
    found = _RANGE.fullmatch(mapping.container_port_range or "")
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= PORT_MAX:
        raise ClientException(f"Invalid 'containerPortRange' setting for container '{container}'.")
    if network_mode not in RANGE_MODES:
        raise ClientException(
            f"Invalid 'containerPortRange' setting for container '{container}': "
            f"port ranges are not supported when networkMode={network_mode}."
        )


def _has_repeats(values: Sequence[Hashable]) -> bool:
    return len(set(values)) < len(values)
