"""Embedded: an engine inside a program, with container instances beside it, and the client of both."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from quarterdeck.agents.settings import Settings as AgentSettings
from quarterdeck.agents.settings import Timing
from quarterdeck.engine import commits, host, logs, running
from quarterdeck.engine.caller import Answer
from quarterdeck.engine.commits import StoredCommit
from quarterdeck.engine.core.hook_target import LOOPBACK
from quarterdeck.engine.doors.door import Call
from quarterdeck.engine.failures import sole
from quarterdeck.engine.local_instance import LocalInstance
from quarterdeck.engine.replica import Replica, ReplicaSettings
from quarterdeck.engine.replica import running as running_replica
from quarterdeck.engine.server import serving
from quarterdeck.engine.settings import SECRETS_KEY, RuntimeName
from quarterdeck.engine.task_logs import LogReader
from quarterdeck.engine.task_session import Executor
from quarterdeck.events.log.channel import Channel, NobodyListens
from quarterdeck.events.log.configuration import ServerSettings
from quarterdeck.events.log.connect import Link, connect
from quarterdeck.events.log.jetstream import Settings as LogSettings
from quarterdeck.events.log.jetstream import open_log
from quarterdeck.events.log.memory import MemoryLog
from quarterdeck.events.log.server import Server
from quarterdeck.events.names import DEFAULT_ACCOUNT, DEFAULT_REGION, Namespace

HEARTBEATS_PER_TIMEOUT = 5
HEARTBEAT_SECONDS_MAX = 1.0
BEHIND_SECONDS_MAX = 30.0


class EmbeddedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `embedded` is told; see there."""

    instances: int = 4
    zones: int = 2
    runtime: RuntimeName = "simulated"
    data: Path | None = None
    memory: bool = False
    cluster: str = ""
    lost_after: float = 60.0
    heartbeat_timeout: float = 5.0
    region: str = DEFAULT_REGION
    account: str = DEFAULT_ACCOUNT
    cpu: int | None = None
    memory_mib: int | None = None
    hook_hosts: tuple[str, ...] = LOOPBACK

    @property
    def namespace(self) -> Namespace:
        """The region and account of everything here."""
        return Namespace(self.region, self.account)


class Embedded(LogReader, Executor):
    """An engine in this process and its client; ``instances`` are the container instances beside it.

    ``nats`` is the URL of its nats-server, empty without one.
    """

    def __init__(
        self, replica: Replica, settings: EmbeddedSettings, nats: str = "", connection: Link | None = None
    ) -> None:
        self.replica = replica
        self.nats = nats
        self.connection = connection
        self.instances: list[LocalInstance] = []
        self._settings = settings
        self._actor = f"arn:aws:iam::{settings.account}:root"

    async def call(self, operation: str, request: msgspec.Struct, answer: type[Answer], *, token: str = "") -> Answer:
        """Carry an operation out at the engine's door; see `Caller.call`."""
        call = Call(namespace=self._settings.namespace, operation=operation, actor=self._actor, token=token)
        found = await self.replica.door.carry_out(call, request)
        self.sequence = max(self.sequence, found.sequence)
        assert isinstance(found.response, answer), f"{operation} is answered with {type(found.response).__name__}"
        return found.response

    async def follow(
        self, from_sequence: int = 1, *, until: int | None = None, follow: bool = True
    ) -> AsyncGenerator[StoredCommit, None]:
        """Give the commits at and after a position, for ever unless told otherwise."""
        records = self.replica.log.read(from_sequence - 1, until=until, follow=follow)
        async with aclosing(records) as batches, aclosing(commits.commits(batches)) as found:
            async for commit in found:
                yield commit

    @asynccontextmanager
    async def called(self, cluster: str, container_instance: str) -> AsyncIterator[Channel]:
        """Call the agent of one of the instances here; see `Streams.called`."""
        arn = self._settings.namespace.container_instance_arn(cluster, container_instance)
        ours = next((each for each in self.instances if each.arn == arn and each.alive), None)
        if ours is None:
            raise NobodyListens("its agent does not run in this program")
        async with ours.called() as channel:
            yield channel

    async def stored_log(self, task: str, container: str) -> bytes | None:  # noqa: ARG002 - its agents are here
        """Find nothing; see `Streams.stored_log`."""
        return None

    async def away_since(self, cluster: str, container_instance: str) -> float | None:
        """Look at the state; see `Streams.away_since`."""
        state = self.replica.keeper.view.namespaces.get(str(self._settings.namespace))
        known = state.clusters[cluster].instances.get(container_instance) if state is not None else None
        return known.disconnected_at or None if known is not None else None

    async def wait_for(self, sequence: int) -> None:
        """Return once answers are true at this position or later. Raises ReadModelBehind."""
        await self.replica.projector.wait(sequence, BEHIND_SECONDS_MAX)


@asynccontextmanager
async def embedded(
    *,
    instances: int = 4,
    zones: int = 2,
    runtime: RuntimeName = "simulated",
    data: Path | str | None = None,
    memory: bool = False,
    **options: object,
) -> AsyncIterator[Embedded]:
    """Run an engine in this process, with container instances, for the length of a block.

    ``runtime``: simulated (containers are values), process, or docker. ``data`` keeps everything; without it a
    directory is made and thrown away. ``memory``: no nats-server and no sockets, the log is kept in memory.
    Options: ``cluster``, ``lost_after`` and ``heartbeat_timeout`` (seconds), ``region``, ``account``, ``cpu`` and
    ``memory_mib`` of each instance, ``hook_hosts`` (hosts that lifecycle hooks may be at).
    """
    told = {"instances": instances, "zones": zones, "runtime": runtime, "memory": memory, **options}
    settings = msgspec.convert(told, EmbeddedSettings)
    logs.configure_default()
    with TemporaryDirectory(prefix="quarterdeck-") if data is None else nullcontext(data) as directory:
        try:
            async with _on(Path(directory), settings) as found:
                yield found
        except BaseExceptionGroup as group:
            raise sole(group) from None


@asynccontextmanager
async def _on(data: Path, settings: EmbeddedSettings) -> AsyncIterator[Embedded]:
    with running.locked(data):
        engine = _in_memory(settings) if settings.memory else _on_nats(data, settings)
        async with engine as found, _with_instances(found, data, settings):
            yield found


@asynccontextmanager
async def _in_memory(settings: EmbeddedSettings) -> AsyncIterator[Embedded]:
    log = MemoryLog(clock=host.RealClock().now)
    try:
        async with running_replica(log, _replica(settings, None, None)) as replica:
            yield Embedded(replica, settings)
    finally:
        await log.close()


@asynccontextmanager
async def _on_nats(data: Path, settings: EmbeddedSettings) -> AsyncIterator[Embedded]:
    async with Server(ServerSettings(data=data / running.SERVER)) as server:
        log = await open_log(server.address(), LogSettings(monitors=(server.monitor_url,)))
        try:
            link = await connect(server.address(), "quarterdeck doors")
            try:
                models = data / "models.sqlite"
                key = data / SECRETS_KEY
                async with running_replica(log, _replica(settings, models, key)) as replica, serving(replica, link):
                    yield Embedded(replica, settings, server.url, link)
            finally:
                await link.close()
        finally:
            await log.close()


def _replica(settings: EmbeddedSettings, models: Path | None, secrets_key: Path | None) -> ReplicaSettings:
    return ReplicaSettings(
        node="embedded",
        models=models,
        secrets_key=secrets_key,
        lost_after=settings.lost_after,
        heartbeat_timeout=settings.heartbeat_timeout,
        hook_hosts=settings.hook_hosts,
    )


@asynccontextmanager
async def _with_instances(found: Embedded, data: Path, settings: EmbeddedSettings) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        for number in range(settings.instances):
            instance = _instance(found, data, settings, number)
            found.instances.append(instance)
            instance.begin(group)
        try:
            for instance in found.instances:
                await instance.start()
            yield
        finally:
            for instance in found.instances:
                await instance.stop()
                await instance.close()


def _instance(found: Embedded, data: Path, settings: EmbeddedSettings, number: int) -> LocalInstance:
    letter = chr(ord("a") + number % settings.zones)
    name = f"{letter}-{number // settings.zones + 1}"
    simulated = settings.runtime == "simulated"
    share = host.machine().share(settings.instances)
    timing = Timing(heartbeat_seconds=min(HEARTBEAT_SECONDS_MAX, settings.heartbeat_timeout / HEARTBEATS_PER_TIMEOUT))
    agent = AgentSettings(
        host=name if simulated else "embedded",
        cluster=settings.cluster,
        region=settings.region,
        account=settings.account,
        zone=f"{settings.region}{letter}",
        cpu=settings.cpu or (None if simulated else share.cpu),
        memory_mib=settings.memory_mib or (None if simulated else share.memory),
        timing=timing,
    )
    return LocalInstance(found.replica, agent, settings.runtime, data / "agents" / name, found.connection)
