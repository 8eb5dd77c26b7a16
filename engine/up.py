"""Up: everything on this machine: a nats-server child, an engine in this process, container instances as children.

All of it ends with this process, however that ends; containers go on, and the next `up` finds them again.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from quarterdeck.agents.identity import FILE as IDENTITY
from quarterdeck.agents.identity import Identity
from quarterdeck.engine import host, ports, running
from quarterdeck.engine.api.keys import Keys, KeysUnreadable
from quarterdeck.engine.api.present import Present
from quarterdeck.engine.api.server import serve_api
from quarterdeck.engine.doors.commands import DoorSettings
from quarterdeck.engine.doors.door import Door
from quarterdeck.engine.failures import sole
from quarterdeck.engine.nursery import Nursery
from quarterdeck.engine.replica import Replica, replica_settings
from quarterdeck.engine.running import Running
from quarterdeck.engine.server import EngineSettings, stand_by, until
from quarterdeck.engine.settings import Settings
from quarterdeck.engine.shell.clock import SystemClock
from quarterdeck.engine.supervisor import Child
from quarterdeck.events.log.configuration import HOST, ServerSettings
from quarterdeck.events.log.credentials import ENGINE_INBOX
from quarterdeck.events.log.server import Server
from quarterdeck.events.names import DEFAULT_CLUSTER

SERVE_SECONDS_MAX = 60.0
CONNECT_SECONDS_MAX = 20.0
POLL_SECONDS = 0.02
INTERRUPTED = 130
PASSED_ON = ("image_unused", "images_kept", "reserved_memory", "keep_stopped", "stop_timeout")
ALSO_PASSED_ON = ("keep_logs_days", "keep_logs_mib", "env_files", "registry_auth", "stats_interval")
STORED = ("store_logs_mib", "store_logs_days")
"""Settings of agents that `up` gives to all of its own."""

log = structlog.get_logger(__name__)


class Instance:
    """One container instance here: its agent's process and data directory."""

    def __init__(self, child: Child, zone: str, data: Path) -> None:
        self.child = child
        self.zone = zone
        self.data = data

    @property
    def container_instance(self) -> str:
        """The 32 hex digits; empty until it is registered."""
        try:
            return msgspec.json.decode((self.data / IDENTITY).read_bytes(), type=Identity).container_instance
        except (OSError, msgspec.DecodeError):
            return ""


class Up:
    """What runs."""

    def __init__(self, settings: Settings, server: Server, told: Running) -> None:
        self.settings = settings
        self.server = server
        self.running = told
        self.choice = host.Choice("auto", "")
        self.nursery = Nursery(settings.data / "nursery.log")
        self.instances: list[Instance] = []
        self.replica: Replica | None = None
        self.serving = asyncio.Event()

    def serve(self, replica: Replica) -> None:
        """Note the replica that serves now."""
        self.replica = replica
        self.serving.set()

    def door(self) -> Door | None:
        """Find the door of the replica that serves now."""
        return self.replica.door if self.replica is not None else None

    def connected(self) -> int:
        """Count the instances here whose agent is connected."""
        view = self.replica.keeper.view if self.replica is not None else None
        namespace = view.namespaces.get(str(self.settings.namespace)) if view is not None else None
        cluster = namespace.clusters.get(self.settings.cluster or DEFAULT_CLUSTER) if namespace is not None else None
        if cluster is None:
            return 0
        ours = {each.container_instance for each in self.instances}
        return sum(each.connected for name, each in cluster.instances.items() if name in ours)


async def run(settings: Settings, announce: Callable[[Running], None]) -> None:
    """Be `up` until SIGTERM or SIGINT; the second one ends it at once. Raises DataUnusable, PortInUse, LogError."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        log.info("stopping")
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await until(stop, _stay(settings, announce))


async def _stay(settings: Settings, announce: Callable[[Running], None]) -> None:
    async with started(settings) as up:
        announce(up.running)
        await asyncio.Event().wait()


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Up]:
    """Run everything for the length of a block, which begins when it is ready.

    Raises DataUnusable, PortInUse, LogError.
    """
    with running.locked(settings.data):
        listener = await ports.listen(*settings.address, "--listen HOST:PORT")
        with listener:
            server = await _server(settings)
            try:
                told = _told(settings, server, _url(settings, listener))
                up = Up(settings, server, told)
                _first_key(settings)
                async with (
                    _nursery(up),
                    serve_api(Present(up.door), settings.api, listener),
                    _engine(up),
                    _agents(up),
                ):
                    running.write(told, settings.data / running.FILE)
                    yield up
            except BaseExceptionGroup as group:
                raise sole(group) from None
            finally:
                (settings.data / running.FILE).unlink(missing_ok=True)
                await server.stop()
                log.info("stopped")


async def _server(settings: Settings) -> Server:
    if settings.nats_port:
        (await ports.listen(HOST, settings.nats_port, "--nats-port PORT")).close()
    server = Server(ServerSettings(data=settings.data / running.SERVER, port=settings.nats_port))
    await server.start()
    log.info("NATS serves", url=server.url, data=str(server.settings.data))
    return server


def _url(settings: Settings, listener: socket.socket) -> str:
    plain = ports.url(listener)
    return plain if settings.certificate is None else plain.replace("http", "https", 1)


def _first_key(settings: Settings) -> None:
    """Make the access key that `env` prints, unless there are keys."""
    keys = Keys(settings.data)
    try:
        if not keys.all():
            made = keys.create(settings.account, SystemClock().now())
            log.info("access key made", key=made.id, account=made.account, see="quarterdeck env")
    except KeysUnreadable as error:
        raise running.DataUnusable(str(error)) from error


def _told(settings: Settings, server: Server, url: str) -> Running:
    return Running(
        http=url,
        nats=server.url,
        nats_creds=str(server.creds("operator")),
        data=str(settings.data.absolute()),
        pid=os.getpid(),
    )


@asynccontextmanager
async def _nursery(up: Up) -> AsyncIterator[None]:
    """Load what agents need while the engine starts."""
    if up.settings.agents:
        await up.nursery.load()
    try:
        yield
    finally:
        await up.nursery.close()


@asynccontextmanager
async def _engine(up: Up) -> AsyncIterator[None]:
    """Keep an engine serving: it takes over again whatever happens to NATS."""
    settings, server = up.settings, up.server
    engine = EngineSettings(
        url=server.url,
        creds=server.creds("engine"),
        inbox_prefix=ENGINE_INBOX,
        monitors=(server.monitor_url,),
        replica=replica_settings(
            settings, models=settings.data / "models.sqlite", endpoint=up.running.http, healthy_after=0.0
        ),
        doors=DoorSettings(trust_actor=True),
    )
    async with asyncio.TaskGroup() as group:
        standing_by = group.create_task(stand_by(engine, up.serve), name="engine")
        async with asyncio.timeout(SERVE_SECONDS_MAX):
            await up.serving.wait()
        log.info("the engine serves", **msgspec.structs.asdict(Present(up.door).health()))
        yield
        standing_by.cancel()


@asynccontextmanager
async def _agents(up: Up) -> AsyncIterator[None]:
    """Run the container instances, and wait until they are connected."""
    settings = up.settings
    if not settings.agents:
        yield
        return
    up.choice = await host.choose(settings.runtime, settings.docker_socket)
    log.info("runtime", runtime=up.choice.name, why=up.choice.why)
    up.instances = [_instance(up, number) for number in range(settings.instances)]
    async with asyncio.TaskGroup() as group:
        agents = [group.create_task(each.child.run(), name=f"agent {each.child.name}") for each in up.instances]
        await _wait_for_agents(up)
        try:
            yield
        finally:
            for agent in agents:
                agent.cancel()
            await asyncio.wait(agents)
            if settings.stop_tasks:
                await _remove_containers(up)


def _instance(up: Up, number: int) -> Instance:
    settings = up.settings
    letter = chr(ord("a") + number % settings.zones)
    name = f"{letter}-{number // settings.zones + 1}"
    data = settings.data.absolute() / "agents" / name
    share = host.machine().share(settings.instances)
    options = {
        "nats": up.server.url,
        "creds": up.server.creds("agent").absolute(),
        "data": data,
        "runtime": up.choice.name,
        "docker-socket": settings.docker_socket,
        "publish": settings.publish or HOST,
        "region": settings.region,
        "account": settings.account,
        "cluster": settings.cluster,
        "zone": f"{settings.region}{letter}",
        "node": settings.node_name,
        "instance-type": settings.instance_type,
        "cpu": settings.cpu or share.cpu,
        "memory": settings.memory or share.memory,
        "log-level": settings.log_level,
        "image-pull-behavior": settings.image_pull_behavior or "prefer-cached",
        **{name.replace("_", "-"): getattr(settings, name) for name in (*PASSED_ON, *ALSO_PASSED_ON, *STORED)},
    }
    given = [f"--{option}={value}" for option, value in options.items() if value not in ("", None)]
    attributes = [f"--attribute={key}={value}" for key, value in settings.attributes.items()]
    subnets = [f"--subnet={name}={addresses}" for name, addresses in settings.subnets.items()]
    ports = [f"--reserved-port={port}" for port in settings.reserved_ports or ()]
    child = Child(name, ["agent", *given, *attributes, *subnets, *ports], data / "agent.log", up.nursery.start)
    return Instance(child, f"{settings.region}{letter}", data)


async def _wait_for_agents(up: Up) -> None:
    count = len(up.instances)
    try:
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            while up.connected() < count:
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        place = str(up.settings.data / "agents")
        log.warning("some agents did not connect", connected=up.connected(), wanted=count, see=place)
    else:
        log.info("container instances are connected", count=count, zones=up.settings.zones)


async def _remove_containers(up: Up) -> None:
    name, socket_path = up.choice.name, up.settings.docker_socket
    removed = sum([await host.remove_containers(name, each.data, socket_path) for each in up.instances])
    log.info("containers removed", count=removed)
