"""Shard: the engines that want to keep it, of which one does; they crash, are usurped, and follow one another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from quarterdeck.engine.core.turn import Settings
from quarterdeck.engine.doors.hooks import Hooks
from quarterdeck.engine.shell.command import NotKeeper
from quarterdeck.engine.shell.heartbeats import Heartbeats
from quarterdeck.engine.shell.ids import SeededIds
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.engine.shell.scheduler import Scheduler
from quarterdeck.engine.shell.wanted import Instance, Wanted
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import LogError
from quarterdeck.events.log.memory import MemoryLog
from quarterdeck.events.log.port import Record
from quarterdeck.events.wanted import WantedChange
from tests.simulation.chance import Chance, Weather
from tests.simulation.hooks import Gate
from tests.simulation.log import FarLog, WatchedStore
from tests.simulation.loop import VirtualClock

LEASE_SECONDS = 3.0
"""How long nobody keeps the shard when its keeper is gone without a word."""

Listener = Callable[[WantedChange], None]


class Engine:
    """One replica, as `engine.replica` composes it, but for doors and read models, which need threads."""

    def __init__(self, log: FarLog, clock: VirtualClock, seed: int, settings: Settings, node: str) -> None:
        self.log = log
        self.node = node
        self.keeper = Keeper(log, clock, SeededIds(seed), settings, node)
        self.scheduler = Scheduler(self.keeper)
        self.wanted = Wanted(self.keeper)
        self.hooks = Hooks(self.keeper)
        self.heartbeats: Heartbeats
        self.task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.task is not None and not self.task.done()

    def end(self) -> None:
        """End in the middle of whatever it does; its state is gone."""
        if self.task is not None:
            self.task.cancel()

    async def run(self) -> None:
        """Run until cancelled or fenced."""
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(self.keeper.run(), name="keeper")
                parts.create_task(self.scheduler.run(), name="scheduler")
                parts.create_task(self.heartbeats.run(), name="heartbeats")
                parts.create_task(self.hooks.run(), name="hooks")
        except* (NotKeeper, LogError):
            pass


class Shard:
    """What agents and users reach when they call the engine."""

    def __init__(self, clock: VirtualClock, chance: Chance, watch: Callable[[Record], None]) -> None:
        self.weather = Weather(0.0005, 0.004)
        self.settings = Settings(lost_after=20.0)
        self.heartbeat_timeout = 7.0
        self.engines: list[Engine] = []
        self.leader: Engine | None = None
        self.listeners: dict[Instance, list[Listener]] = {}
        self.gate = Gate(chance)
        self.store = WatchedStore(watch)
        self._near = MemoryLog(self.store, clock=clock.now)
        self._clock = clock
        self._chance = chance
        self._count = 0

    async def run(self, group: asyncio.TaskGroup) -> None:
        """See to it that somebody keeps the shard, for ever."""
        while True:
            if self.leader is None or not self.leader.alive:
                self.begin(group)
            assert self.leader is not None
            assert self.leader.task is not None
            await asyncio.wait([self.leader.task])
            await asyncio.sleep(LEASE_SECONDS)

    def begin(self, group: asyncio.TaskGroup) -> Engine:
        """Have another replica take the shard over; the one before lives on until it sees that its lease is over."""
        self._count += 1
        log = FarLog(self._near.another(), self._chance, self.weather)
        engine = Engine(log, self._clock, self._chance.getrandbits(64), self.settings, f"engine-{self._count}")
        engine.heartbeats = Heartbeats(engine.keeper, engine.wanted, self.heartbeat_timeout)
        engine.keeper.may_keep = lambda: self.leader is engine
        engine.wanted.send.append(self._tell)
        engine.hooks.link = cast("Link", self.gate)
        engine.task = group.create_task(engine.run(), name=engine.node)
        self.engines = [each for each in self.engines if each.alive]
        for each in self.engines:
            asyncio.get_running_loop().call_later(LEASE_SECONDS, each.end)
        self.engines.append(engine)
        self.leader = engine
        return engine

    def crash(self) -> None:
        """Crash the keeper; the next one follows when its lease is over."""
        if self.leader is not None:
            self.leader.end()

    def door(self) -> Engine | None:
        """Find the engine that a call reaches: any that lives, also one that does not know it was usurped."""
        alive = [each for each in self.engines if each.alive]
        return self._chance.choice(alive) if alive else None

    def _tell(self, instance: Instance, change: WantedChange) -> None:
        for listener in self.listeners.get(instance, ()):
            listener(change)
