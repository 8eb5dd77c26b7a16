"""Scheduler: keeps the list of services to look at, and looks; what to do is decided in core.

Reaction and reconciliation are the same: a commit puts the services it concerns on the agenda, a
ticker puts all of them on it, and each pass decides from the state alone. A pass may ask to be
repeated at once, at a time, or when something makes room.
"""

import asyncio
from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from typing import NamedTuple

import structlog

from quarterdeck.engine.core.container_instance import lose_overdue
from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.core.queue_step import work_queue
from quarterdeck.engine.core.react import QUEUE, QUIET, concerned, makes_room
from quarterdeck.engine.core.reconcile import reconcile
from quarterdeck.engine.core.service_step import Next
from quarterdeck.engine.core.task_definition import purge
from quarterdeck.engine.core.task_protection import expire
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.shell.command import Command, NotKeeper, NotStored
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.events.commit import Commit
from quarterdeck.events.service import ServiceDeleted, ServiceUpdated
from quarterdeck.projections.live.states import NamespaceState

TICK_SECONDS = 0.5
FULL_LOOK_SECONDS = 30.0
BACKLOG_BATCHES_MAX = 4
FULL_PAUSE_SECONDS = 0.5
RECONCILE = "Reconcile"
EVERYTHING = ("everything",)

log = structlog.get_logger(__name__)


class Key(NamedTuple):
    """A service, or the queue of a cluster, among all namespaces."""

    namespace: str
    cluster: str
    service: str


class Scheduler:
    """Reacts to a keeper's commits; one for each keeper."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._agenda: dict[Key, str] = {}
        self._waiting: dict[tuple[str, str], set[str]] = {}
        self._due: list[tuple[float, Key]] = []
        self._due_at: dict[Key, float] = {}
        self._wake = asyncio.Event()
        self._looked_at = 0.0
        keeper.decided = self.note
        keeper.taken_over.append(self.resume)

    def note(self, state: NamespaceState, commit: Commit) -> None:
        """Put on the agenda what a commit concerns."""
        for event in commit.events:
            if type(event) in QUIET:
                continue
            if isinstance(event, ServiceUpdated | ServiceDeleted):
                key = Key(commit.namespace, event.cluster, event.service)
                self._keeper.aside.lift(commit.namespace, RECONCILE, key)
            for cluster, service in concerned(state, event):
                self._agenda[Key(commit.namespace, cluster, service)] = commit.id
            if self._waiting and makes_room(state, event):
                waiting = self._waiting.pop((commit.namespace, getattr(event, "cluster", "")), ())
                for service in sorted(waiting):
                    self._agenda.setdefault(Key(commit.namespace, getattr(event, "cluster", ""), service), commit.id)
        if self._agenda:
            self._wake.set()

    def resume(self) -> None:
        """Look at every service: after a take-over nothing is known of what was under way."""
        self._waiting.clear()
        self._due.clear()
        self._due_at.clear()
        for namespace, state in self._keeper.view.namespaces.items():
            for cluster in state.clusters.values():
                if cluster.queued:
                    self._agenda.setdefault(Key(namespace, cluster.name, QUEUE), "")
                for service in cluster.services.values():
                    if service.status != "INACTIVE":
                        self._agenda.setdefault(Key(namespace, cluster.name, service.name), "")
        self._wake.set()

    async def run(self) -> None:
        """Work the agenda off, for ever."""
        while True:
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                if self._keeper.ready:
                    self._tick()
            self._wake.clear()
            await self._work_off()

    async def _work_off(self) -> None:
        while self._agenda:
            await self._keeper.kept(None)
            if self._keeper.backlog > BACKLOG_BATCHES_MAX:
                with suppress(NotStored, Refusal):
                    await self._keeper.flushed()
            if not self._keeper.ready:
                await asyncio.sleep(FULL_PAUSE_SECONDS)
                continue
            key = next(iter(self._agenda))
            self._look(key, self._agenda.pop(key))
            await asyncio.sleep(0)

    def _look(self, key: Key, cause: str) -> None:
        following = self._decide(key.namespace, RECONCILE, partial(_reconcile, key), cause, about=key)
        if not isinstance(following, Next):
            return
        if following.again:
            self._agenda[key] = cause
        if following.waits_for_room:
            self._waiting.setdefault((key.namespace, key.cluster), set()).add(key.service)
        if following.at is not None and self._due_at.get(key) != following.at:
            self._due_at[key] = following.at
            heappush(self._due, (following.at, key))

    def _tick(self) -> None:
        now = self._keeper.clock.now()
        while self._due and self._due[0][0] <= now:
            at, key = heappop(self._due)
            if self._due_at.get(key) == at:
                del self._due_at[key]
                self._agenda.setdefault(key, "")
        if now - self._looked_at >= FULL_LOOK_SECONDS:
            self._looked_at = now
            self.resume()
            self._purge()
        for namespace, state in list(self._keeper.view.namespaces.items()):
            if any(cluster.away for cluster in state.clusters.values()):
                self._decide(namespace, "LoseAgents", lose_overdue, "")
            if any(cluster.protected for cluster in state.clusters.values()):
                self._decide(namespace, "ExpireTaskProtection", expire, "")

    def _purge(self) -> None:
        for namespace, state in list(self._keeper.view.namespaces.items()):
            if state.deleting:
                self._decide(namespace, "PurgeTaskDefinitions", purge, "")

    def _decide(
        self, namespace: str, operation: str, decide: object, cause: str, about: tuple[str, ...] = EVERYTHING
    ) -> object:
        command = Command(
            namespace=namespace,
            operation=operation,
            actor="scheduler",
            decide=decide,  # type: ignore[arg-type]  # partial and function alike
            cause=cause,
            about=about,
        )
        try:
            return self._keeper.decide(command)[2]
        except (Refusal, NotKeeper) as error:
            log.warning("the scheduler was refused", operation=operation, error=str(error))
            return None


def _reconcile(key: Key, turn: Turn) -> Next:
    cluster = turn.state.clusters.get(key.cluster)
    if cluster is not None and key.service == QUEUE:
        return work_queue(turn, cluster)
    service = cluster.services.get(key.service) if cluster is not None else None
    if cluster is None or service is None:
        return Next()
    return reconcile(turn, cluster, service)
