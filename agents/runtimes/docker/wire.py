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


class Created(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of create."""

    id: str


class Summary(msgspec.Struct, frozen=True, rename="pascal"):
    """One row of ``GET /containers/json``; it lacks exit codes and times."""

    id: str
    image: str = ""


class State(msgspec.Struct, frozen=True, rename="pascal"):
    """State of an inspected container; year 1 stands for never."""

    status: str
    exit_code: int
    started_at: dt.datetime
    finished_at: dt.datetime
    error: str = ""
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")


class Config(msgspec.Struct, frozen=True, rename="pascal"):
    """What the container was created with; labels include those of the image."""

    image: str
    labels: dict[str, str] | None = None
    exposed_ports: dict[str, dict[str, str]] | None = None


class HostConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """The part of the host configuration that changes what ports mean."""

    network_mode: str = ""


class NetworkAddress(msgspec.Struct, frozen=True):
    """Where a container is in one network; empty unless it runs."""

    ip_address: str = msgspec.field(name="IPAddress", default="")


class NetworkSettings(msgspec.Struct, frozen=True, rename="pascal"):
    """Host ports by ``80/tcp``, None where a port is only exposed; addresses by network."""

    ports: dict[str, tuple[PortBinding, ...] | None] | None = None
    networks: dict[str, NetworkAddress] | None = None


class Subnet(msgspec.Struct, frozen=True, rename="pascal"):
    """A range of addresses of a network."""

    subnet: str = ""
    gateway: str = ""


class Ipam(msgspec.Struct, frozen=True, rename="pascal"):
    """How a network gives addresses."""

    config: tuple[Subnet, ...] | None = None


class Network(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of ``GET /networks/{name}``."""

    id: str
    ipam: Ipam = msgspec.field(name="IPAM", default=Ipam())


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


class Info(msgspec.Struct, frozen=True, rename="pascal"):
    """The size of the host, from ``GET /info``; memory in bytes."""

    ncpu: int = msgspec.field(name="NCPU")
    mem_total: int


class Version(msgspec.Struct, frozen=True, rename="pascal"):
    """``GET /version``."""

    version: str
    api_version: str


class Refusal(msgspec.Struct, frozen=True):
    """Body of an answer of 400 and above."""

    message: str = ""
