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
from quarterdeck.events.wanted import HeartbeatAnswer, WantedList

INACTIVE = "INACTIVE"
DOUBTED_SECONDS_MAX = 30.0
"""So long nobody must know the instance, or this agent as its own, until that is believed: an engine that was replaced,
and has not noticed yet, does not know the newest."""

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
        self._doubted_since: float | None = None
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
        if self._is_over(wanted):
            return wanted.known
        if wanted.session not in {"", self._home.session}:
            return False  # of an engine that was replaced, or to another agent: it says nothing of what runs here
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
                over = self._is_over(answer)
                if not over and (not heard or self._positions.misses(answer.sequence)):
                    self._stale.set()
                if not heard:
                    self._tasks.engine_is_back()
                heard = True
            await self._clock.sleep(self._timing.heartbeat_seconds)

    def _is_over(self, told: WantedList | HeartbeatAnswer) -> bool:
        """Tell whether the instance is said to be no more, or another agent's; believe an engine that may know."""
        replaced = isinstance(told, HeartbeatAnswer) and told.session not in {"", self._home.session}
        if told.status != INACTIVE and not replaced:
            self._doubted_since = None
            return False
        now = self._clock.now()
        since = self._doubted_since = now if self._doubted_since is None else self._doubted_since
        if now - since >= DOUBTED_SECONDS_MAX or (told.status == INACTIVE and told.known):
            self._gone("replaced" if replaced else "deregistered")
        else:
            logger.warning("the engine does not know this agent or its instance; tasks go on")
        return True

    def _backoff(self) -> Backoff:
        return Backoff(self._timing.retry_seconds_min, self._timing.retry_seconds_max)
