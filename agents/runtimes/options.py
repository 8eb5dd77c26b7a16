"""Options: what a container engine can do to a container beyond running a command; values without behaviour.

Where nothing is said the engine's own defaults hold. Other containers are named as the runtime names them.
"""

import msgspec


class Device(msgspec.Struct, frozen=True):
    """A device of the host, seen as ``target``; permissions are letters of ``rwm``."""

    source: str
    target: str
    permissions: str = "rwm"


class Tmpfs(msgspec.Struct, frozen=True):
    """A file system in memory."""

    target: str
    size_mib: int
    options: tuple[str, ...] = ()


class Ulimit(msgspec.Struct, frozen=True):
    """A limit of the kernel's on processes; -1 is none."""

    name: str
    soft: int
    hard: int


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """All of them; one that differs from its default was asked for."""

    privileged: bool = False
    capabilities_added: tuple[str, ...] = ()
    capabilities_dropped: tuple[str, ...] = ()
    security_options: tuple[str, ...] = ()
    read_only_root: bool = False
    init: bool = False
    interactive: bool = False
    pseudo_terminal: bool = False
    networking_disabled: bool = False
    devices: tuple[Device, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    shared_memory_mib: int | None = None
    swap_mib: int | None = None
    """Beside the memory limit; 0 is none at all."""
    swappiness: int | None = None
    ulimits: tuple[Ulimit, ...] = ()
    system_controls: dict[str, str] = {}
    dns_servers: tuple[str, ...] = ()
    dns_search_domains: tuple[str, ...] = ()
    extra_hosts: tuple[tuple[str, str], ...] = ()
    """Names and their addresses."""
    links: tuple[tuple[str, str], ...] = ()
    """Containers and what they are called in this one."""
    volumes_from: tuple[tuple[str, bool], ...] = ()
    """Containers whose mounts this one has too, and whether only to read."""
    pid_mode: str = ""
    """``host``, or ``container:`` and a container's name."""
    ipc_mode: str = ""
    """``host``, ``none``, ``shareable``, or ``container:`` and a container's name."""

    def asked(self) -> list[str]:
        """Name what was asked for."""
        default = Options()
        fields = self.__struct_fields__
        return [name for name in fields if getattr(self, name) != getattr(default, name)]
