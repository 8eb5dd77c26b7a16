"""Launch: from a spec to what a host process gets: command, environment, user, weight, ports.

Ignored, as a process has no such thing: image, mounts, network mode ``none``, cpu_limit, the bounds of the task but
for memory, memory_reservation_mib and log driver. What else a container engine can do is refused by name.
"""

import errno
import grp
import math
import pwd
import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from quarterdeck.agents.runtimes.errors import (
    CannotCreateContainerError,
    CannotStartContainerError,
)
from quarterdeck.agents.runtimes.port import ContainerSpec, PortMapping

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}")
SHARES_PER_CPU = 1024
NICE_MAX = 19
WEIGHT_PER_NICE = 1.25
"""One step of nice is this factor of CPU (kernel, sched_prio_to_weight)."""
BYTES_PER_MIB = 1 << 20
DYNAMIC_ATTEMPTS_MAX = 100

SAME_USER = (-1, -1)


def check(spec: ContainerSpec) -> None:
    """Refuse what could never start. Raises CannotCreateContainerError."""
    if not NAME.fullmatch(spec.name):
        raise CannotCreateContainerError(
            f"Invalid container name ({spec.name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
        )
    if asked := spec.options.asked():
        raise CannotCreateContainerError(f"host processes can not have: {', '.join(asked).replace('_', ' ')}")
    if any(port.count > 1 for port in spec.ports):
        raise CannotCreateContainerError("host processes can not have ranges of ports")
    if any("\0" in text for text in _texts(spec)):
        raise CannotCreateContainerError("a null byte in its command, environment, user, directory or health check")
    if not command(spec):
        raise CannotCreateContainerError("No command specified: processes have no image that could name one")


def _texts(spec: ContainerSpec) -> Iterator[str]:
    """All that becomes an argument or a variable of a process."""
    yield from command(spec)
    yield from (*spec.environment.keys(), *spec.environment.values())
    yield from (spec.user or "", spec.working_directory or "")
    yield from spec.health_check.command if spec.health_check is not None else ()


def command(spec: ContainerSpec) -> tuple[str, ...]:
    """The whole command line."""
    return (spec.entry_point or ()) + (spec.command or ())


def environment(spec: ContainerSpec, ports: tuple[PortMapping, ...]) -> dict[str, str]:
    """The spec's, a PATH if it has none, and where to listen: PORT (the first) and PORT_<container port>.

    The ports win over the spec: a PORT there names the container's port, which here is not the host's.
    """
    assigned = {f"PORT_{port.container_port}": str(port.host_port) for port in ports}
    if ports:
        assigned["PORT"] = str(ports[0].host_port)
    return {"PATH": PATH, **spec.environment, **assigned}


def nice(cpu_shares: int) -> int:
    """The niceness whose weight is nearest to the shares; never below 0, which needs privileges."""
    if cpu_shares <= 0:
        return 0
    steps = round(math.log(SHARES_PER_CPU / cpu_shares, WEIGHT_PER_NICE))
    return min(max(steps, 0), NICE_MAX)


def data_bytes(spec: ContainerSpec) -> int:
    """Limit of private writable memory; 0 for none."""
    own = spec.memory_mib or (spec.bounds.memory_mib if spec.bounds is not None else None)
    return (own or 0) * BYTES_PER_MIB


def settings(spec: ContainerSpec, work: Path) -> tuple[str, ...]:
    """What the shim is told before the command: niceness, memory, user, group, directory. Raises as `user_ids`."""
    numbers = (nice(spec.cpu_shares), data_bytes(spec), *user_ids(spec.user))
    return (*(str(number) for number in numbers), spec.working_directory or str(work))


def user_ids(user: str | None) -> tuple[int, int]:
    """Numbers of user and group. Raises CannotStartContainerError if there is no such one."""
    if not user:
        return SAME_USER
    name, _, group = user.partition(":")
    try:
        entry = None if name.isdecimal() else pwd.getpwnam(name)
        uid = int(name) if entry is None else entry.pw_uid
        if not group:
            return uid, 0 if entry is None else entry.pw_gid
        return uid, int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise CannotStartContainerError(f"unable to find user {user}: no matching entries on this host") from error


def assign(spec: ContainerSpec, taken: Iterable[PortMapping]) -> tuple[PortMapping, ...]:
    """The spec's ports with free host ports in place of 0.

    Raises CannotStartContainerError if one is taken: by a container, or by anybody listening.
    """
    used = {(port.protocol, port.host_port) for port in taken}
    assigned = []
    for wanted in spec.ports:
        port = _assigned(wanted, used, host_network=spec.network_mode == "host")
        used.add((port.protocol, port.host_port))
        assigned.append(port)
    return tuple(assigned)


def _assigned(wanted: PortMapping, used: set[tuple[str, int]], *, host_network: bool) -> PortMapping:
    fixed = wanted.host_port or (wanted.container_port if host_network else 0)
    if fixed:
        free = (wanted.protocol, fixed) not in used and _bound(wanted, fixed)
        if not free:
            address = f"{wanted.bind_address}:{fixed}"
            raise CannotStartContainerError(f"Bind for {address} failed: port is already allocated")
        return msgspec.structs.replace(wanted, host_port=fixed)
    for _ in range(DYNAMIC_ATTEMPTS_MAX):
        found = _bound(wanted, 0)
        if found and (wanted.protocol, found) not in used:
            return msgspec.structs.replace(wanted, host_port=found)
    raise CannotStartContainerError("all ports are allocated")


def _bound(wanted: PortMapping, port: int) -> int:
    """The port that could be bound just now, 0 if it is taken. Raises CannotStartContainerError."""
    kind = socket.SOCK_DGRAM if wanted.protocol == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in wanted.bind_address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((wanted.bind_address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return 0
            raise CannotStartContainerError(
                f"Bind for {wanted.bind_address}:{port} failed: {error.strerror}"
            ) from error
        return int(probe.getsockname()[1])
