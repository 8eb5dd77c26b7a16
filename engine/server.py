"""Server: one engine replica against a NATS cluster: stands by, keeps the shard while it holds the lease, steps down.

`serving` opens the doors on NATS of a replica that runs; `run_engine` is the whole of ``quarterdeck engine``.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import msgspec
import nats.errors
import structlog

from quarterdeck.engine import ports
from quarterdeck.engine.api.present import Present
from quarterdeck.engine.api.server import serve_api
from quarterdeck.engine.api.settings import ApiSettings
from quarterdeck.engine.doors.about import About
from quarterdeck.engine.doors.agents import Agents
from quarterdeck.engine.doors.commands import Commands, DoorSettings, Messages
from quarterdeck.engine.doors.door import Door
from quarterdeck.engine.doors.feed import Feed
from quarterdeck.engine.doors.queue import Queue
from quarterdeck.engine.doors.secret import SecretDoor
from quarterdeck.engine.doors.usage import UsageDoor
from quarterdeck.engine.failures import leaves
from quarterdeck.engine.replica import Replica, ReplicaSettings, running
from quarterdeck.engine.shell.command import NotKeeper
from quarterdeck.engine.shell.lease import Lease, LeaseLost
from quarterdeck.events.log.connect import Address, Link, connect
from quarterdeck.events.log.errors import LogError, LogMisconfigured, LogUnavailable
from quarterdeck.events.log.jetstream import JetStreamLog, Settings, open_log

SWITCH_SECONDS = 0.001
RETRY_SECONDS = 1.0
QUEUE_SECONDS_MAX = 5.0
STAND_BY_SECONDS = 0.2
GC_ALLOCATIONS = 50_000
GC_YOUNG = 20
GC_MIDDLE = 100

log = structlog.get_logger(__name__)


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine replica is told; ``replicas`` are those of the streams on the NATS cluster."""

    url: str
    creds: Path | None = None
    inbox_prefix: str = "_INBOX"
    shard: int = 0
    replicas: int = 1
    durable: bool = True
    monitors: tuple[str, ...] = ()
    replica: ReplicaSettings = ReplicaSettings()
    doors: DoorSettings = DoorSettings()

    @property
    def address(self) -> Address:
        """Where to connect, and as whom."""
        return Address(url=self.url, creds=self.creds, inbox_prefix=self.inbox_prefix)

    @property
    def log(self) -> Settings:
        """What log is wanted."""
        return Settings(shard=self.shard, replicas=self.replicas, durable=self.durable, monitors=self.monitors)


OnServing = Callable[[Replica], None]


class SteppedDown(Exception):
    """Another replica keeps the shard, or may; the reason is in the words."""


@asynccontextmanager
async def serving(
    replica: Replica, link: Link, doors: DoorSettings | None = None, streams: int = 1
) -> AsyncIterator[None]:
    """Open the doors on NATS of a running replica for the length of a block; ``streams`` is their number of replicas.

    A door that fails ends the block.
    """
    settings = doors or DoorSettings()
    messages = Messages(replica.door, replica.keeper, settings)
    commands = Commands(link, replica.keeper, messages, settings)
    agents = Agents(link, replica.keeper, replica.wanted, replica.heartbeats, replica.secrets, replica.door.sessions)
    secrets = SecretDoor(link, replica.keeper, replica.secrets, settings)
    about = About(link, replica.keeper)
    queue = Queue(link, messages, streams)
    usage = UsageDoor(link, replica.keeper, replica.usage)
    feed = Feed(link, replica.log, replica.keeper, replica.projector, streams)
    async with asyncio.TaskGroup() as group:
        parts = [
            group.create_task(commands.run(), name="door for commands"),
            group.create_task(agents.run(), name="door for agents"),
            group.create_task(about.run(), name="door for questions"),
            group.create_task(queue.run(), name="door for the queue"),
            group.create_task(feed.run(), name="feed"),
            group.create_task(secrets.run(), name="door for secrets"),
            group.create_task(usage.run(), name="door for figures"),
        ]
        await commands.intake.listening.wait()
        await agents.intake.listening.wait()
        await about.intake.listening.wait()
        await secrets.intake.listening.wait()
        with suppress(TimeoutError):  # a log too full for a queue still serves what it can
            await asyncio.wait_for(queue.listening.wait(), QUEUE_SECONDS_MAX)
        replica.hooks.link = link
        try:
            yield
        finally:
            replica.hooks.link = None
            for part in parts:
                part.cancel()


async def run_engine(
    settings: EngineSettings, on_serving: OnServing = lambda _: None, api: ApiSettings | None = None
) -> None:
    """Run a replica until SIGTERM or SIGINT, with the ECS API over HTTP if asked for.

    Raises LogMisconfigured: then no waiting helps; and PortInUse, when HTTP can't be served where it should.
    """
    stop = asyncio.Event()
    serves: list[Replica] = []

    def serve(replica: Replica) -> None:
        serves[:] = [replica]
        on_serving(replica)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with _api(lambda: serves[0].door if serves else None, api) if api is not None else nullcontext():
            await until(stop, stand_by(settings, serve))
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _api(find: Callable[[], Door | None], settings: ApiSettings) -> AsyncIterator[None]:
    with await ports.listen(*settings.address, "--listen HOST:PORT") as listener:
        async with serve_api(Present(find), settings, listener):
            yield


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Run until the work ends or ``stop`` is set; then cancel the work and wait for it."""
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work, name="engine")
        stopping = group.create_task(stop.wait(), name="signal")
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()


async def stand_by(settings: EngineSettings, on_serving: OnServing = lambda _: None) -> None:
    """Connect, keep the shard whenever it can be had, and begin afresh after anything that passes."""
    node = f"{settings.replica.node}-{os.getpid()}-{token_hex(4)}"
    while True:
        try:
            await _one_turn(settings, node, on_serving)
        except* LogMisconfigured:
            raise
        except* (SteppedDown, NotKeeper, LeaseLost, LogError, nats.errors.Error, OSError) as group:
            reasons = [str(error) for error in leaves(group)]
            log.warning("standing by", node=node, reasons=reasons)
        await asyncio.sleep(STAND_BY_SECONDS)


async def _one_turn(settings: EngineSettings, node: str, on_serving: OnServing) -> None:
    """From standby to stepping down."""
    async with _connected(settings) as (store, link):
        lease = Lease(link, settings.shard, node, settings.replicas)
        log.info("waiting for the lease", node=node, shard=settings.shard)
        await lease.acquire()
        try:
            async with asyncio.TaskGroup() as group:
                renewing = group.create_task(lease.renew(), name="lease")
                replica = msgspec.structs.replace(settings.replica, node=node)
                async with running(store, replica) as kept:
                    kept.keeper.may_keep = lambda: lease.held
                    async with serving(kept, link, settings.doors, settings.replicas):
                        log.info("serving", node=node, epoch=kept.keeper.epoch, sequence=kept.keeper.sequence)
                        calm()
                        on_serving(kept)
                        await _closed(link)
                renewing.cancel()
        finally:
            await asyncio.shield(lease.release())


@asynccontextmanager
async def _connected(settings: EngineSettings) -> AsyncIterator[tuple[JetStreamLog, Link]]:
    store = await open_log(settings.address, settings.log, name=settings.replica.node)
    try:
        link = await connect(settings.address, f"{settings.replica.node} doors")
        try:
            yield store, link
        finally:
            await link.close()
    finally:
        with suppress(LogUnavailable):
            await store.close()


async def _closed(link: Link) -> None:
    """Wait until the connection is given up for good, as when credentials expire."""
    while not link.client.is_closed:
        await asyncio.sleep(RETRY_SECONDS)
    raise SteppedDown("NATS has closed the connection for good")


def calm() -> None:
    """Make a process answer evenly.

    The collector of cycles is told that what is there stays: a state of millions of objects need not be walked. And
    threads take turns more often: a read that is ready in SQLite's thread need not wait 5 ms for the event loop.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, GC_YOUNG, GC_MIDDLE)
