"""Wire: the parts of the Docker Engine API's JSON that are used, as Structs.

Source: Docker Engine API v1.41; every field is there since 1.24, and unknown ones are ignored.
"""

import datetime as dt

import msgspec


class PortBinding(msgspec.Struct, frozen=True, rename="pascal"):
    """One place on the host a container port is seen at; ``host_port`` is a number as text."""

    host_ip: str = ""
    host_port: str = ""


class LogConfig(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Where the output goes."""

    type: str
    config: dict[str, str] = {}


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
    port_bindings: dict[str, tuple[PortBinding, ...]] = {}
    cpu_shares: int = 0
    nano_cpus: int = 0
    memory: int = 0
    memory_reservation: int = 0
    log_config: LogConfig | None = None
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


class Created(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of create."""

    id: str


class Summary(msgspec.Struct, frozen=True, rename="pascal"):
    """One row of ``GET /containers/json``; it lacks exit codes and times."""

    id: str
    image: str = ""


class HealthState(msgspec.Struct, frozen=True, rename="pascal"):
    """What a health check says: starting, healthy, unhealthy, or none."""

    status: str = ""


class State(msgspec.Struct, frozen=True, rename="pascal"):
    """State of an inspected container; year 1 stands for never."""

    status: str
    exit_code: int
    started_at: dt.datetime
    finished_at: dt.datetime
    error: str = ""
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")
    health: HealthState | None = None


class Config(msgspec.Struct, frozen=True, rename="pascal"):
    """What the container was created with; labels include those of the image."""

    image: str
    labels: dict[str, str] | None = None
    exposed_ports: dict[str, dict[str, str]] | None = None
    tty: bool = False


class HostConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """The parts of the host configuration that are looked at again."""

    network_mode: str = ""
    cgroup_parent: str = ""
    log_config: LogConfig = LogConfig("")


class NetworkAddress(msgspec.Struct, frozen=True):
    """Where a container is in one network; empty unless it runs."""

    ip_address: str = msgspec.field(name="IPAddress", default="")
    mac_address: str = msgspec.field(name="MacAddress", default="")


class NetworkSettings(msgspec.Struct, frozen=True, rename="pascal"):
    """Host ports by ``80/tcp``, None where a port is only exposed; addresses by network."""

    ports: dict[str, tuple[PortBinding, ...] | None] | None = None
    networks: dict[str, NetworkAddress] | None = None


class Subnet(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """A range of addresses of a network."""

    subnet: str = ""
    gateway: str = ""


class Ipam(msgspec.Struct, frozen=True, rename="pascal"):
    """How a network gives addresses."""

    config: tuple[Subnet, ...] | None = None


class Network(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of ``GET /networks/{name}``."""

    id: str
    name: str = ""
    ipam: Ipam = msgspec.field(name="IPAM", default=Ipam())


class IpamRequest(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Ranges of a network to be; none leaves the choice to the daemon."""

    config: tuple[Subnet, ...] = ()


class NetworkRequest(msgspec.Struct, frozen=True, rename="pascal"):
    """Body of ``POST /networks/create``; of two with one name the second is refused."""

    name: str
    labels: dict[str, str]
    ipam: IpamRequest = msgspec.field(name="IPAM")
    driver: str = "bridge"
    check_duplicate: bool = True


class Inspected(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of ``GET /containers/{id}/json``; the name starts with a slash."""

    id: str
    name: str
    image: str
    created: dt.datetime
    state: State
    config: Config
    host_config: HostConfig
    network_settings: NetworkSettings


class Actor(msgspec.Struct, frozen=True):
    """Whom an event is about. Attributes are its labels, and image, name, exitCode beside them."""

    id: str = msgspec.field(name="ID")
    attributes: dict[str, str] = msgspec.field(name="Attributes", default_factory=dict)


class Event(msgspec.Struct, frozen=True):
    """One line of ``GET /events``."""

    actor: Actor = msgspec.field(name="Actor")


class PullDetail(msgspec.Struct, frozen=True):
    """Bytes of one layer."""

    current: int = 0
    total: int = 0


class PullLine(msgspec.Struct, frozen=True):
    """One line of a pull, mostly about the layer ``id``; an error arrives as a line after a 200."""

    status: str = ""
    id: str = ""
    detail: PullDetail | None = msgspec.field(name="progressDetail", default=None)
    error: str | None = None


class InspectedImage(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of ``GET /images/{name}/json``; each of its digests is ``repository@sha256:…``."""

    id: str
    repo_digests: tuple[str, ...] | None = None


class Plugins(msgspec.Struct, frozen=True, rename="pascal"):
    """What the daemon can be extended by, and is."""

    log: tuple[str, ...] | None = None
    volume: tuple[str, ...] | None = None


class Info(msgspec.Struct, frozen=True, rename="pascal"):
    """The host and what the daemon can do there, from ``GET /info``; memory in bytes."""

    ncpu: int = msgspec.field(name="NCPU")
    mem_total: int
    logging_driver: str = ""
    cgroup_driver: str = ""
    cgroup_version: str = ""
    plugins: Plugins = Plugins()


class Version(msgspec.Struct, frozen=True, rename="pascal"):
    """``GET /version``."""

    version: str
    api_version: str
    arch: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """Body of an answer of 400 and above."""

    message: str = ""


class ExecRequest(msgspec.Struct, frozen=True, rename="pascal"):
    """Body of ``POST /containers/{id}/exec``."""

    cmd: tuple[str, ...]
    tty: bool
    env: tuple[str, ...] = ()
    attach_stdin: bool = True
    attach_stdout: bool = True
    attach_stderr: bool = True


class ExecStart(msgspec.Struct, frozen=True, rename="pascal"):
    """Body of ``POST /exec/{id}/start``."""

    tty: bool
    detach: bool = False


class ExecInspected(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of ``GET /exec/{id}/json``; the pid is the host's, 0 before it runs."""

    running: bool = False
    exit_code: int | None = None
    pid: int = 0
    container_id: str = msgspec.field(default="", name="ContainerID")
