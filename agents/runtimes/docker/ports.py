"""Ports: rows of free host ports for ranges of container ports; Docker itself chooses single ones only."""

import re
import socket
from collections.abc import Collection, Iterable, Iterator

import msgspec

from quarterdeck.agents.runtimes.errors import CannotCreateContainerError
from quarterdeck.agents.runtimes.port import PortMapping

PORT_MIN = 49_153
PORT_MAX = 65_535
"""The dynamic ports of ECS where the kernel names none (spec §5.4): apart from those it gives to others."""

_TAKEN = re.compile(r":(\d+)(?: failed: port is already allocated|: bind: address already in use)")
"""Where Docker says, of a start, which host port somebody else has."""


def is_taken(refusal: str, row: Collection[int]) -> bool:
    """Whether a start was refused because of a port of this row: who looked at the same time chose it too."""
    found = _TAKEN.search(refusal)
    return found is not None and int(found[1]) in row


class PortRows:
    """Gives out rows, going round, so that two asked for at once are not the same."""

    def __init__(self) -> None:
        self._next = PORT_MIN

    def assigned(self, ports: Iterable[PortMapping]) -> tuple[PortMapping, ...]:
        """Each range as single ports in a row, free just now; others as they are. Raises CannotCreateContainerError."""
        return tuple(one for port in ports for one in (self._row(port) if port.count > 1 else (port,)))

    def _row(self, wanted: PortMapping) -> Iterator[PortMapping]:
        first = self._free(wanted)
        for index in range(wanted.count):
            container_port = wanted.container_port + index
            yield msgspec.structs.replace(wanted, container_port=container_port, host_port=first + index, count=1)

    def _free(self, wanted: PortMapping) -> int:
        tried = 0
        while tried <= PORT_MAX - PORT_MIN:
            if self._next + wanted.count > PORT_MAX + 1:
                tried += PORT_MAX - self._next + 1
                self._next = PORT_MIN
            row = range(self._next, self._next + wanted.count)
            taken = next((port for port in row if not _is_free(wanted, port)), None)
            self._next = row.stop if taken is None else taken + 1
            if taken is None:
                return row.start
            tried += taken + 1 - row.start
        raise CannotCreateContainerError(f"no {wanted.count} host ports in a row are free")


def _is_free(wanted: PortMapping, port: int) -> bool:
    kind = socket.SOCK_DGRAM if wanted.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((wanted.bind_address, port))
        except OSError:
            return False
    return True
