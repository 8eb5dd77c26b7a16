"""Replica: one engine on one shard: keeper, scheduler, read models, and the door to them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import msgspec

from quarterdeck.engine.core.hook_target import LOOPBACK
from quarterdeck.engine.core.quota import Quotas
from quarterdeck.engine.core.turn import Ids, Settings
from quarterdeck.engine.doors.door import Door
from quarterdeck.engine.doors.hooks import Hooks
from quarterdeck.engine.settings import SECRETS_KEY
from quarterdeck.engine.settings import Settings as Told
from quarterdeck.engine.shell.clock import Clock, SystemClock
from quarterdeck.engine.shell.heartbeats import Heartbeats
from quarterdeck.engine.shell.ids import RandomIds
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.engine.shell.scheduler import Scheduler
from quarterdeck.engine.shell.secrets import Secrets
from quarterdeck.engine.shell.usage import Usage
from quarterdeck.engine.shell.vault import Vault
from quarterdeck.engine.shell.wanted import Wanted
from quarterdeck.events.log.port import Log
from quarterdeck.projections.models.projector import Projector
from quarterdeck.projections.models.store import ReadModels

LAG_ENVELOPES_MAX = 10_000
DEFAULT_ENDPOINT = "http://127.0.0.1:4280"


class ReplicaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may tune of an engine; seconds.

    ``lost_after`` 0 means never; a deployment's new task without health checks counts as healthy when it has run for
    ``healthy_after``; an agent silent for ``heartbeat_timeout`` is not connected. ``endpoint`` is where
    this engine serves HTTP, as DiscoverPollEndpoint tells it. ``secrets_key`` is the file with the key of the secrets;
    None keeps it in memory, for logs that do not last. ``quotas`` are ECS's unless raised.
    ``hook_hosts`` are the hosts that lifecycle hooks may be at.
    """

    node: str = "engine"
    models: Path | None = None
    lost_after: float = 60.0
    healthy_after: float = 0.0
    heartbeat_timeout: float = 5.0
    endpoint: str = DEFAULT_ENDPOINT
    secrets_key: Path | None = None
    quotas: Quotas = Quotas()
    hook_hosts: tuple[str, ...] = LOOPBACK


def replica_settings(settings: Told, *, models: Path | None, endpoint: str, healthy_after: float) -> ReplicaSettings:
    """Take from the settings of a command what concerns its engine; ``healthy_after`` is where they have none."""
    return ReplicaSettings(
        node=settings.node_name,
        models=models,
        lost_after=settings.lost_after,
        healthy_after=healthy_after if settings.healthy_after is None else settings.healthy_after,
        heartbeat_timeout=settings.heartbeat_timeout,
        endpoint=endpoint,
        secrets_key=settings.secrets_key or settings.data / SECRETS_KEY,
        quotas=settings.quotas,
        hook_hosts=settings.hook_hosts,
    )


class Replica:
    """The parts of a running engine."""

    def __init__(
        self,
        log: Log,
        models: ReadModels,
        settings: ReplicaSettings,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        self.log = log
        self.settings = settings
        decisions = Settings(
            lost_after=settings.lost_after,
            healthy_after=settings.healthy_after,
            version=version("quarterdeck"),
            quotas=settings.quotas,
            hook_hosts=settings.hook_hosts,
        )
        self.keeper = Keeper(log, clock or SystemClock(), ids or RandomIds(), decisions, settings.node)
        self.scheduler = Scheduler(self.keeper)
        self.wanted = Wanted(self.keeper)
        self.heartbeats = Heartbeats(self.keeper, self.wanted, settings.heartbeat_timeout)
        self.secrets = Secrets(self.keeper, Vault(settings.secrets_key))
        self.usage = Usage(clock or SystemClock())
        self.projector = Projector(log, models, busy=self._commands_come)
        self.hooks = Hooks(self.keeper)
        self.door = Door(self.keeper, self.projector, log, self.usage, settings.endpoint)

    def _commands_come(self, applied: int) -> bool:
        """Tell whether the read models should give way: commands come, and they are not too far behind."""
        return self.keeper.backlog > 0 and self.keeper.sequence - applied < LAG_ENVELOPES_MAX

    async def run(self) -> None:
        """Run until cancelled. Raises `NotKeeper` (in a group) when another engine takes the shard over."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self.keeper.run(), name="keeper")
            parts.create_task(self.scheduler.run(), name="scheduler")
            parts.create_task(self.heartbeats.run(), name="heartbeats")
            parts.create_task(self.projector.run(), name="projector")
            parts.create_task(self.hooks.run(), name="hooks")


@asynccontextmanager
async def running(
    log: Log, settings: ReplicaSettings, clock: Clock | None = None, ids: Ids | None = None
) -> AsyncIterator[Replica]:
    """Run a replica for the length of a block; a failure of its parts ends the block."""
    models = await ReadModels.open(str(settings.models) if settings.models is not None else ":memory:")
    try:
        replica = Replica(log, models, settings, clock, ids)
        async with asyncio.TaskGroup() as group:
            parts = group.create_task(replica.run(), name="replica")
            await replica.keeper.kept(None)
            yield replica
            parts.cancel()
    finally:
        await models.close()
