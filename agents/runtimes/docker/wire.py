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
    tty: bool = False


class HostConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """The parts of the host configuration that change what ports mean, and where output goes."""

    network_mode: str = ""
    log_config: LogConfig = LogConfig("")


class NetworkSettings(msgspec.Struct, frozen=True, rename="pascal"):
    """Host ports by ``80/tcp``; None where a port is only exposed."""

    ports: dict[str, tuple[PortBinding, ...] | None] | None = None


class Inspected(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of ``GET /containers/{id}/json``; the name starts with a slash."""

    id: str
    name: str
    image: str
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


class Progress(msgspec.Struct, frozen=True):
    """One line of a pull; an error arrives as a line after a 200."""

    error: str | None = None


class Info(msgspec.Struct, frozen=True, rename="pascal"):
    """The size of the host, from ``GET /info``; memory in bytes."""

    ncpu: int = msgspec.field(name="NCPU")
    mem_total: int
    logging_driver: str = ""


class Version(msgspec.Struct, frozen=True, rename="pascal"):
    """``GET /version``."""

    version: str
    api_version: str


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
