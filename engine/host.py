"""Host: what an agent needs of the machine it runs on: a runtime, a size, a link; and the agent's whole life."""

import asyncio
import os
import platform
import secrets
import signal
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog

from quarterdeck.agents import labels
from quarterdeck.agents.agent import Agent
from quarterdeck.agents.archive import ArchiveDirectory
from quarterdeck.agents.identity import FILE, DataDirectory, DirectoryUnusable, Identity, IdentityError
from quarterdeck.agents.link import LinkDown
from quarterdeck.agents.nats_link import NatsLink, open_link
from quarterdeck.agents.networks import SUBNET
from quarterdeck.agents.registration import RegistrationRefused
from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.errors import RuntimeFailure
from quarterdeck.agents.runtimes.port import ContainerSpec, Runtime
from quarterdeck.agents.runtimes.process import ProcessRuntime
from quarterdeck.agents.runtimes.simulated import SimulatedHost, SimulatedRuntime
from quarterdeck.agents.saver import Saver
from quarterdeck.agents.settings import ImageSettings, Keeping, Timing
from quarterdeck.agents.settings import Settings as AgentSettings
from quarterdeck.engine import memory
from quarterdeck.engine.settings import RuntimeName, Settings
from quarterdeck.engine.shell.clock import SystemClock
from quarterdeck.events.log.connect import Address
from quarterdeck.events.log.objects import Bucket

ANSWER_SECONDS_MAX = 5.0
RETRY_SECONDS = 0.5
DOCKER_SOCKET = "/var/run/docker.sock"
UNITS_PER_CPU = 1024
BYTES_PER_MIB = 1 << 20
SECONDS_PER_DAY = 86_400.0


CONTAINERS = "containers"
"""Where the process runtime keeps its own, in an agent's data directory."""

LOGS = "logs"
"""Where an agent keeps what removed containers wrote, likewise."""

STOPPED = 0
FAILED = 1
REFUSED = 5

T = TypeVar("T")

log = structlog.get_logger(__name__)


class RealClock(SystemClock):
    """The machine's clock, and waiting by it."""

    async def sleep(self, seconds: float) -> None:
        """Return when that much time has passed."""
        await asyncio.sleep(seconds)


class Choice(msgspec.Struct, frozen=True):
    """The runtime to use, and why this one."""

    name: RuntimeName
    why: str


class Size(msgspec.Struct, frozen=True):
    """CPU units and MiB."""

    cpu: int
    memory: int

    def share(self, count: int) -> "Size":
        """Give each of so many an equal part."""
        return Size(self.cpu // count, self.memory // count)


async def choose(wanted: RuntimeName, docker_socket: str) -> Choice:
    """Choose a runtime: the one asked for, or Docker when it answers and else host processes."""
    if wanted != "auto":
        return Choice(wanted, "as asked for")
    docker = DockerRuntime(docker_socket)
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            info = await docker.info()
    except (RuntimeFailure, TimeoutError) as error:
        return Choice("process", f"no Docker Engine answers: {str(error) or 'too slow'}")
    else:
        return Choice("docker", f"Docker {info.version} answers")
    finally:
        await docker.close()


def machine() -> Size:
    """Measure this machine."""
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Size(len(os.sched_getaffinity(0)) * UNITS_PER_CPU, memory_bytes // BYTES_PER_MIB)


class PublishingDocker(DockerRuntime):
    """Docker, with ports published on one address of the machine."""

    def __init__(self, socket_path: str, address: str) -> None:
        super().__init__(socket_path)
        self._address = address

    async def create(self, spec: ContainerSpec) -> str:
        """Create, with the ports on that address."""
        ports = tuple(msgspec.structs.replace(port, bind_address=self._address) for port in spec.ports)
        return await super().create(msgspec.structs.replace(spec, ports=ports))


def open_runtime(name: RuntimeName, data: Path, docker_socket: str, publish: str = "") -> Runtime:
    """Make the runtime of one agent, whose data directory is ``data``; ports are published on ``publish``."""
    if name == "docker":
        return PublishingDocker(docker_socket, publish) if publish else DockerRuntime(docker_socket)
    if name == "process":
        return ProcessRuntime(data / CONTAINERS)
    return SimulatedRuntime(SimulatedHost(RealClock()))


async def run_agent(settings: Settings) -> int:
    """Be an agent until SIGTERM, SIGINT, or its end; gives the exit code: 0, REFUSED for good, or FAILED."""
    choice = await choose(settings.runtime, settings.docker_socket)
    log.info("runtime", runtime=choice.name, why=choice.why)
    stopped = asyncio.Event()
    link = await _link(settings, stopped)
    if link is None:
        return STOPPED
    own = agent_settings(settings)
    agent = Agent(
        settings=own,
        store=DataDirectory(settings.data),
        link=link,
        runtime=open_runtime(choice.name, settings.data, settings.docker_socket, settings.publish),
        clock=RealClock(),
        token=token,
        archive=archive(settings.data, own),
        log_store=link.log_store(_bucket(settings)),
    )
    _on_signal(agent.stop)
    memory.settle()
    try:
        outcome = await agent.run()
    except DirectoryUnusable as error:
        log.error("the agent can't begin", error=str(error))  # noqa: TRY400 - the words say it all
        return FAILED
    except (IdentityError, RegistrationRefused) as error:
        log.error("the agent can't be what it was told to be", error=str(error))  # noqa: TRY400 - the words say it all
        return REFUSED
    log.info("the agent has ended", outcome=outcome)
    return REFUSED if outcome == "replaced" else STOPPED


def agent_settings(settings: Settings) -> AgentSettings:
    """Take what concerns an agent out of the settings."""
    reserved: dict[str, Any] = {
        "reserved_memory_mib": settings.reserved_memory,
        "reserved_ports": settings.reserved_ports,
    }
    return AgentSettings(
        host=settings.node_name,
        cluster=settings.cluster,
        region=settings.region,
        account=settings.account,
        zone=settings.zone or f"{settings.region}a",
        instance_type=settings.instance_type,
        architecture=platform.machine(),
        cpu=settings.cpu,
        memory_mib=settings.memory,
        attributes=settings.attributes,
        keeping=Keeping(
            seconds_max=settings.keep_logs_days * SECONDS_PER_DAY,
            bytes_max=settings.keep_logs_mib * BYTES_PER_MIB,
            store_seconds=settings.store_logs_interval if settings.store_logs_mib else 0.0,
        ),
        subnets=settings.subnets,
        agent_version=version("quarterdeck"),
        env_files=settings.env_files,
        endpoints=True,
        introspection_port=settings.introspection_port,
        stats_seconds=settings.stats_interval,
        timing=_given(Timing, keep_stopped_seconds=settings.keep_stopped, stop_timeout_seconds=settings.stop_timeout),
        images=_given(
            ImageSettings,
            pull_behavior=settings.image_pull_behavior or "default",
            auth_file=settings.registry_auth,
            unused_seconds_min=settings.image_unused,
            kept_min=settings.images_kept,
        ),
        **{name: value for name, value in reserved.items() if value is not None},
    )


def _bucket(settings: Settings) -> Bucket:
    return Bucket(
        bytes_max=settings.store_logs_mib * BYTES_PER_MIB,
        seconds_max=settings.store_logs_days * SECONDS_PER_DAY,
    )


def _given(kind: type[T], **values: object) -> T:
    """Make settings of what was given; the rest is as it always is."""
    return kind(**{name: value for name, value in values.items() if value is not None})


def archive(data: Path, settings: AgentSettings) -> ArchiveDirectory:
    """Open where an agent keeps the logs of removed containers."""
    return ArchiveDirectory(data / LOGS, settings.keeping)


def token(digits: int) -> str:
    """Make so many hex digits nobody has had before."""
    return secrets.token_hex((digits + 1) // 2)[:digits]


async def _link(settings: Settings, stopped: asyncio.Event) -> NatsLink | None:
    """Connect, for as long as it takes; None when a signal came before."""
    address = Address(url=settings.nats, creds=settings.creds)
    _on_signal(stopped.set)
    async with asyncio.TaskGroup() as group:
        connecting = group.create_task(_connected(address, settings), name="connect")
        ending = group.create_task(stopped.wait(), name="wait for a signal")
        await asyncio.wait({connecting, ending}, return_when=asyncio.FIRST_COMPLETED)
        connecting.cancel()
        ending.cancel()
    if connecting.cancelled():
        return None
    link = connecting.result()
    if not stopped.is_set():
        return link
    await link.close()
    return None


async def _connected(address: Address, settings: Settings) -> NatsLink:
    while True:
        try:
            return await open_link(address, settings.namespace, f"agent/{settings.data.name}")
        except LinkDown as error:
            log.warning("the engine's NATS server does not answer yet", error=str(error))
        await asyncio.sleep(RETRY_SECONDS)


def _on_signal(stop: object) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)  # type: ignore[arg-type]  # both are called without arguments


async def remove_containers(name: RuntimeName, data: Path, docker_socket: str) -> int:
    """Remove the containers and their tasks' volumes of the instance whose agent's data directory this is.

    The agent must have ended; what they wrote is kept there.
    """
    try:
        identity = msgspec.json.decode((data / FILE).read_bytes(), type=Identity)
    except (OSError, msgspec.DecodeError):
        return 0
    runtime = open_runtime(name, data, docker_socket)
    try:
        found = await runtime.list({labels.CONTAINER_INSTANCE: identity.container_instance})
        saver = Saver(runtime, ArchiveDirectory(data / LOGS, Keeping()), RealClock(), Keeping())
        for container in found:
            await saver.save(container)
            await runtime.remove(container.id)
        for volume in {name for container in found for name in labels.task_volumes(container.labels)}:
            await runtime.remove_volume(volume)
        await runtime.networks.remove_unused({SUBNET: ""})
        return len(found)
    except RuntimeFailure as error:
        log.warning("containers could not be removed", instance=identity.container_instance, error=error.reason)
        return 0
    finally:
        await runtime.close()
