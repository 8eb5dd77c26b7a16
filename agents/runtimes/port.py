"""Runtime: the few verbs an agent needs to run containers, and the values that go in and come out.

One contract suite (``tests/agents/runtimes``) holds for every implementation. Identity lives in labels,
which the runtime keeps with the container; time is in seconds since the epoch; memory in MiB.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Literal, Protocol

import msgspec

from quarterdeck.agents.runtimes.execution import Execution
from quarterdeck.agents.runtimes.health import Health, HealthCheck
from quarterdeck.agents.runtimes.image import ImageStore
from quarterdeck.agents.runtimes.network import NetworkStore
from quarterdeck.agents.runtimes.options import Options
from quarterdeck.events.session import LogLine, LogQuery, Terminal

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
"""The reason of a container that was killed for its memory, word for word as the ECS agent says it."""

ContainerState = Literal["created", "running", "exited"]
NetworkMode = Literal["bridge", "host", "none"]
LogBatches = AsyncGenerator[list[LogLine], None]


class PortMapping(msgspec.Struct, frozen=True):
    """A container port on the host. ``host_port`` 0 asks for any free one; a running container shows which.

    A ``count`` above 1 asks for that many ports in a row, free ones on the host; they are shown one by one.
    """

    container_port: int
    host_port: int = 0
    protocol: str = "tcp"
    bind_address: str = "0.0.0.0"  # noqa: S104 - what ECS reports as bindIP
    count: int = 1


class Volume(msgspec.Struct, frozen=True):
    """How a named volume is made if it is not there yet; or that it has to be."""

    driver: str = "local"
    options: dict[str, str] = {}
    labels: dict[str, str] = {}
    must_exist: bool = False


class Mount(msgspec.Struct, frozen=True):
    """``source`` seen as ``target``: an absolute host path (made if missing) or the name of a volume."""

    source: str
    target: str
    read_only: bool = False
    kind: Literal["bind", "volume"] = "bind"
    volume: Volume | None = None
    """None is a plain one, made if missing."""


class TaskBounds(msgspec.Struct, frozen=True):
    """What a task's containers may take together; ``task`` tells tasks apart."""

    task: str
    cpu_limit: float | None = None
    memory_mib: int | None = None


class ContainerSpec(msgspec.Struct, frozen=True):
    """A container as wanted. None leaves the choice to the image or to the runtime."""

    name: str
    image: str
    command: tuple[str, ...] | None = None
    entry_point: tuple[str, ...] | None = None
    environment: dict[str, str] = {}
    labels: dict[str, str] = {}
    cpu_shares: int = 0
    """Relative weight, 1024 per CPU; 0 is the runtime's default."""
    cpu_limit: float | None = None
    """Hard limit in CPUs."""
    memory_mib: int | None = None
    """Hard limit: above it the container is killed."""
    bounds: TaskBounds | None = None
    """Hard limits for its task; a runtime that can't bound a sum bounds each container by them."""
    memory_reservation_mib: int | None = None
    """Soft limit: pushed back to it when the host is short."""
    ports: tuple[PortMapping, ...] = ()
    mounts: tuple[Mount, ...] = ()
    user: str | None = None
    """``name``, ``uid``, ``name:group`` or ``uid:gid``."""
    working_directory: str | None = None
    hostname: str | None = None
    """What the container calls itself; host processes keep their host's name."""
    network_mode: NetworkMode = "bridge"
    network: str = ""
    """A network of the runtime's (`NetworkStore`), instead of the mode."""
    network_of: str = ""
    """The container, by name, whose network it shares, instead of one of its own."""
    log_driver: str | None = None
    log_options: dict[str, str] = {}
    health_check: HealthCheck | None = None
    """Without one the container's health is not watched, whatever its image says."""
    options: Options = Options()


class Container(msgspec.Struct, frozen=True):
    """A container as observed."""

    id: str
    name: str
    labels: dict[str, str]
    state: ContainerState
    image: str
    image_digest: str | None = None
    """``sha256:…`` of its image's manifest, or of the image where it was never in a registry."""
    exit_code: int | None = None
    """Of the last run; 128 + n after signal n; None if it never ended or nobody saw it end."""
    reason: str | None = None
    """Why it ended, where the runtime knows more than the exit code."""
    started_at: float | None = None
    finished_at: float | None = None
    ports: tuple[PortMapping, ...] = ()
    """With the actual host ports; only while running."""
    image_id: str = ""
    created_at: float | None = None
    addresses: tuple[str, ...] = ()
    """IPv4, in networks of its own; only while running."""
    mac_address: str = ""
    oom_killed: bool = False
    health: Health | None = None
    """What its health check says, while it runs; None without one."""


class RuntimeInfo(msgspec.Struct, frozen=True):
    """What runs the containers, and how much it has."""

    name: str
    version: str
    api_version: str
    cpu: int
    """ECS CPU units, 1024 per core."""
    memory_mib: int
    log_drivers: tuple[str, ...] = ("json-file", "none")
    volume_drivers: tuple[str, ...] = ("local",)
    bounds_tasks: bool = False
    """Whether the sum of a task's containers can be bounded."""


class Ended(msgspec.Struct, frozen=True):
    """How a run ended, and when (seconds since the epoch)."""

    exit_code: int
    at: float
    oom_killed: bool = False


class Changed(msgspec.Struct, frozen=True):
    """Something happened to this container: look at it. A hint, which may come late or twice.

    Where the runtime tells at once how a run ended, that need not be looked at; but what the container had of its
    host, as published ports, may be free a moment later only.
    """

    id: str
    labels: dict[str, str]
    ended: Ended | None = None


class Exiting(msgspec.Struct, frozen=True):
    """Nothing runs in a container any more; it is still to be taken apart, and then told how it ended."""

    id: str
    labels: dict[str, str]


class Resync(msgspec.Struct, frozen=True):
    """From here on changes are seen; what happened before may have been missed: list again."""


class Interrupted(msgspec.Struct, frozen=True):
    """From here on changes are not seen: the runtime is away, or was for a moment."""


Happening = Changed | Resync | Interrupted


class Runtime(Protocol):
    """Runs containers on one host. Every call may raise ``RuntimeUnavailable``."""

    @property
    def images(self) -> ImageStore:
        """Its images."""
        ...

    @property
    def networks(self) -> NetworkStore:
        """Its networks."""
        ...

    async def info(self) -> RuntimeInfo:
        """Name, version and size of the runtime."""
        ...

    async def create(self, spec: ContainerSpec) -> str:
        """Create, without starting; the id.

        A container of that name that already carries the spec's labels is taken for this one (a repeat
        after a crash). Raises ImageMissing (pull, then again) and CannotCreateContainerError.
        """
        ...

    async def start(self, container_id: str) -> Container:
        """Start, also again after it exited; the container as observed then, with its host ports.

        Starting a running one changes nothing. Raises ContainerGone, ContainerStuck and CannotStartContainerError;
        after the latter two the container is not running and stays to be removed.
        """
        ...

    async def stop(self, container_id: str, timeout_seconds: float) -> Container:
        """SIGTERM, and SIGKILL when it has not ended after the timeout; the container as it ended.

        Stopping one that does not run changes nothing. Raises ContainerGone, CannotStopContainerError.
        """
        ...

    async def remove(self, container_id: str) -> None:
        """Kill it if it runs, forget it and its anonymous volumes; nothing if it is gone already.

        Raises CannotRemoveContainerError.
        """
        ...

    async def remove_volume(self, name: str) -> None:
        """Delete a named volume; nothing if there is none.

        Raises CannotRemoveContainerError, also while a container has it.
        """
        ...

    async def stats(self, container_id: str) -> dict[str, Any]:
        """What it uses now, as Docker's statistics have it; empty if it does not run. Raises ContainerGone."""
        ...

    async def gateway(self) -> str:
        """Name the address of this host as bridged containers see it."""
        ...

    async def inspect(self, container_id: str) -> Container:
        """How it is now. Raises ContainerGone and CannotInspectContainerError."""
        ...

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """Containers in any state that carry all of these labels, sorted by name."""
        ...

    def follow(self, labels: Mapping[str, str]) -> AsyncGenerator[Happening, None]:
        """Changes of containers that carry all of these labels; Resync first and after each interruption.

        One that is noticed as it begins is told as Interrupted.

        Does not raise and ends only with ``close()``. Close it (``aclosing``) when done with it.
        """
        ...

    def exits(self, labels: Mapping[str, str]) -> AsyncGenerator[Exiting, None]:
        """Containers that carry all of these labels and end from now on, where that is known before how they did.

        No more than hints: one may be missing. Does not raise and ends only with ``close()``; close it (``aclosing``).
        """
        ...

    def logs(self, container_id: str, query: LogQuery) -> LogBatches:
        """What the container wrote, oldest first, in batches; when followed, until it has ended.

        Only what the runtime still has: it bounds what it keeps. Close it (``aclosing``) when done with it. Raises
        ContainerGone and CannotReadLogsError.
        """
        ...

    async def execute(self, container_id: str, command: tuple[str, ...], terminal: Terminal | None) -> Execution:
        """Run a command in a running container, as its user, in its environment and working directory.

        One that can't be started ends with 126 or 127, and says why. Raises ContainerGone and
        CannotExecuteCommandError.
        """
        ...

    async def close(self) -> None:
        """Let go of everything but the containers, which go on; followers end."""
        ...
