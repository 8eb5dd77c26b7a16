"""Wants: what the engine wants of this instance: heartbeats, lists, and the changes between them."""

import asyncio
from collections.abc import Callable
from typing import Literal

import structlog

from quarterdeck.agents.backoff import Backoff
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.home import Home
from quarterdeck.agents.link import LinkDown
from quarterdeck.agents.positions import Positions
from quarterdeck.agents.settings import Timing
from quarterdeck.agents.tasks import Tasks
from quarterdeck.events.wanted import HeartbeatAnswer

INACTIVE = "INACTIVE"

Gone = Callable[[Literal["deregistered", "replaced"]], None]

logger = structlog.get_logger(__name__)


class Wants:
    """The agent's ear to the engine. ``gone`` is called when the instance is no more, or not this agent's."""

    def __init__(self, home: Home, tasks: Tasks, clock: Clock, timing: Timing, gone: Gone) -> None:
        self._home = home
        self._tasks = tasks
        self._clock = clock
        self._timing = timing
        self._gone = gone
        self._positions = Positions()
        self._stale = asyncio.Event()
        self._stale.set()

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Set the three listeners going."""
        group.create_task(self._follow(), name="follow what is wanted")
        group.create_task(self._list(), name="list what is wanted")
        group.create_task(self._beat(), name="heartbeats")

    async def _follow(self) -> None:
        backoff = self._backoff()
        while True:
            try:
                async for change in self._home.link.changes(self._home.cluster, self._home.container_instance):
                    backoff.reset()
                    if not self._positions.changed(change):
                        self._stale.set()
                    for wanted in change.whole():
                        self._tasks.want(wanted, change.sequence)
            except LinkDown:
                pass
            self._stale.set()
            await self._clock.sleep(backoff.next())

    async def _list(self) -> None:
        backoff = self._backoff()
        while True:
            await self._stale.wait()
            self._stale.clear()
            if await self._listed():
                backoff.reset()
            else:
                self._stale.set()
                await self._clock.sleep(backoff.next())

    async def _listed(self) -> bool:
        """List once; whether that leaves nothing unknown."""
        try:
            wanted = await self._home.link.wanted(self._home.cluster, self._home.container_instance)
        except LinkDown:
            return False
        if wanted.status == INACTIVE:
            self._gone("deregistered")
            return True
        complete = self._positions.listed(wanted.sequence)
        self._tasks.listed(wanted)
        return complete

    async def _beat(self) -> None:
        heard = True
        while True:
            try:
                beat = self._home.sign_of_life()
                answer = await self._home.link.heartbeat(self._home.cluster, self._home.container_instance, beat)
            except LinkDown as error:
                if heard:
                    logger.warning("the engine does not answer; tasks go on", why=str(error))
                heard = False
            else:
                self._check(answer)
                if not heard or self._positions.misses(answer.sequence):
                    self._stale.set()
                if not heard:
                    self._tasks.engine_is_back()
                heard = True
            await self._clock.sleep(self._timing.heartbeat_seconds)

    def _check(self, answer: HeartbeatAnswer) -> None:
        if answer.status == INACTIVE:
            self._gone("deregistered")
        elif answer.session not in {"", self._home.session}:
            self._gone("replaced")

    def _backoff(self) -> Backoff:
        return Backoff(self._timing.retry_seconds_min, self._timing.retry_seconds_max)
