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


class Created(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of create."""

    id: str


class Summary(msgspec.Struct, frozen=True, rename="pascal"):
    """One row of ``GET /containers/json``, created in seconds since the epoch; it lacks exit codes and other times."""

    id: str
    image: str = ""
    names: tuple[str, ...] | None = None
    labels: dict[str, str] | None = None
    state: str = ""
    created: int = 0


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
    pid: int = 0
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
    """One line of ``GET /events``; time in nanoseconds since the epoch."""

    actor: Actor = msgspec.field(name="Actor")
    action: str = msgspec.field(name="Action", default="")
    time_nano: int = msgspec.field(name="timeNano", default=0)


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
