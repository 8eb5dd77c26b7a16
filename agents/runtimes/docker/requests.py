"""Requests: the bodies that make containers and volumes, as Structs.

Source: Docker Engine API v1.41, as for what is answered (`wire`).
"""

import msgspec

from quarterdeck.agents.runtimes.docker import wire


class Device(msgspec.Struct, frozen=True):
    """A device of the host."""

    path_on_host: str = msgspec.field(name="PathOnHost")
    path_in_container: str = msgspec.field(name="PathInContainer")
    cgroup_permissions: str = msgspec.field(name="CgroupPermissions")


class Ulimit(msgspec.Struct, frozen=True, rename="pascal"):
    """A limit of the kernel's on processes."""

    name: str
    soft: int
    hard: int


class HostConfigRequest(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """What the container may take of the host. Memory in bytes, NanoCpus in 10⁻⁹ CPUs."""

    network_mode: str
    binds: tuple[str, ...] = ()
    port_bindings: dict[str, tuple[wire.PortBinding, ...]] = {}
    cpu_shares: int = 0
    nano_cpus: int = 0
    memory: int = 0
    memory_reservation: int = 0
    log_config: wire.LogConfig | None = None
    cgroup_parent: str = ""
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    readonly_rootfs: bool = False
    init: bool | None = None
    devices: tuple[Device, ...] = ()
    tmpfs: dict[str, str] = {}
    shm_size: int = 0
    memory_swap: int = 0
    memory_swappiness: int | None = None
    ulimits: tuple[Ulimit, ...] = ()
    sysctls: dict[str, str] = {}
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    volumes_from: tuple[str, ...] = ()
    pid_mode: str = ""
    ipc_mode: str = ""


class HealthConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """A health check; times in nanoseconds."""

    test: tuple[str, ...]
    interval: int
    timeout: int
    retries: int
    start_period: int


class CreateRequest(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Body of ``POST /containers/create``."""

    image: str
    host_config: HostConfigRequest
    labels: dict[str, str]
    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    exposed_ports: dict[str, dict[str, str]] = {}
    user: str = ""
    working_dir: str = ""
    hostname: str = ""
    healthcheck: HealthConfig | None = None
    open_stdin: bool = False
    tty: bool = False
    network_disabled: bool = False


class VolumeRequest(msgspec.Struct, frozen=True, rename="pascal"):
    """Body of ``POST /volumes/create``; one of that name that is there stays as it is."""

    name: str
    driver: str
    driver_opts: dict[str, str]
    labels: dict[str, str]
