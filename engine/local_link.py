"""Local link: an agent's way to an engine in the same process."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from quarterdeck.agents.link import Answer, LinkDown, Refused, Serve
from quarterdeck.agents.nats_callers import listen
from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.doors.door import Call
from quarterdeck.engine.replica import Replica
from quarterdeck.engine.shell.command import NotKeeper
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.log.channel import ChannelClosed, NobodyListens, PacketChannel, kept, pair
from quarterdeck.events.log.connect import Link as Connection
from quarterdeck.events.names import Namespace
from quarterdeck.events.secret_exchange import SecretsAnswer, SecretsRequest
from quarterdeck.events.session import Grant, Redemption, subject
from quarterdeck.events.stats import InstanceStats
from quarterdeck.events.wanted import Heartbeat, HeartbeatAnswer, WantedChange, WantedList

SERVER_STATUS = 500


class LocalLink:
    """Calls the engine's parts directly; what changes goes through a queue, so that nobody waits for an agent."""

    def __init__(
        self, replica: Replica, namespace: Namespace, actor: str, connection: Connection | None = None
    ) -> None:
        self._replica = replica
        self._connection = connection
        self._serve: Serve | None = None
        self._namespace = namespace
        self._actor = actor
        self._cut = False
        self._open: set[PacketChannel] = set()

    def cut(self) -> None:
        """Let nothing through any more, as when a machine loses its power."""
        self._cut = True
        self._hang_up()

    async def call(
        self, cluster: str, operation: str, request: msgspec.Struct, answer: type[Answer], command: str
    ) -> Answer:
        """Carry out an operation at the engine's door."""
        del cluster  # it stands in the request, too
        self._check()
        call = Call(namespace=self._namespace, operation=operation, actor=self._actor, token=command)
        try:
            response = (await self._replica.door.carry_out(call, request)).response
        except Refusal as refusal:
            if refusal.status >= SERVER_STATUS:
                raise LinkDown(f"{refusal.code}: {refusal.message}") from refusal
            raise Refused(refusal.code, refusal.message) from refusal
        assert isinstance(response, answer), f"{operation} is answered with {type(response).__name__}"
        return response

    async def wanted(self, cluster: str, container_instance: str) -> WantedList:
        """List what the instance should run."""
        self._check()
        try:
            return await self._replica.wanted.listing(self._instance(cluster, container_instance))
        except (NotKeeper, Refusal) as error:
            raise LinkDown(str(error)) from error

    async def changes(self, cluster: str, container_instance: str) -> AsyncGenerator[WantedChange, None]:
        """Follow changes; none is lost here."""
        self._check()
        instance = self._instance(cluster, container_instance)
        queue: asyncio.Queue[WantedChange] = asyncio.Queue()

        def note(concerned: Instance, change: WantedChange) -> None:
            if concerned == instance:
                queue.put_nowait(change)

        self._replica.wanted.send.append(note)
        try:
            while True:
                change = await queue.get()
                self._check()
                yield change
        finally:
            self._replica.wanted.send.remove(note)

    async def heartbeat(self, cluster: str, container_instance: str, beat: Heartbeat) -> HeartbeatAnswer:
        """Give a sign of life."""
        self._check()
        try:
            return await self._replica.heartbeats.beat(self._instance(cluster, container_instance), beat)
        except (NotKeeper, Refusal) as error:
            raise LinkDown(str(error)) from error

    async def redeem(self, cluster: str, container_instance: str, redemption: Redemption) -> Grant:
        """Ask the engine."""
        self._check()
        instance = self._instance(cluster, container_instance)
        try:
            return self._replica.door.sessions.redeem(instance, redemption, self._replica.keeper.clock.now())
        except Refusal as refusal:
            raise Refused(refusal.code, refusal.message) from refusal

    async def callers(self, cluster: str, container_instance: str, serve: Serve) -> None:
        """Let this program's client call, and others where there is a nats-server."""
        self._serve = serve
        try:
            if self._connection is not None:
                prefix = subject(self._namespace, cluster, container_instance, "")
                await listen(self._connection, prefix, serve)
            await asyncio.Event().wait()
        finally:
            self._serve = None
            self._hang_up()

    @asynccontextmanager
    async def called(self) -> AsyncIterator[PacketChannel]:
        """Call the agent for the length of a block. Raises NobodyListens when none attends."""
        if self._serve is None or self._cut:
            raise NobodyListens("no agent attends there")
        ours, theirs = ends = pair()
        self._open.update(ends)
        try:
            async with kept(ours, self._serve(theirs)):
                yield ours
        finally:
            self._open.difference_update(ends)

    def _hang_up(self) -> None:
        """End all calls, as those over NATS end with the agent."""
        for each in self._open:
            each.close(ChannelClosed("the agent has ended"))

    async def secrets(self, cluster: str, container_instance: str, request: SecretsRequest) -> SecretsAnswer:
        """Ask the engine."""
        self._check()
        try:
            return await self._replica.secrets.give(self._instance(cluster, container_instance), request)
        except NotKeeper as error:
            raise LinkDown(str(error)) from error
        except Refusal as refusal:
            if refusal.status >= SERVER_STATUS:
                raise LinkDown(f"{refusal.code}: {refusal.message}") from refusal
            raise Refused(refusal.code, refusal.message) from refusal

    async def tell_stats(self, cluster: str, container_instance: str, stats: InstanceStats) -> None:
        """Tell the engine at once."""
        self._check()
        self._replica.usage.hear(self._instance(cluster, container_instance), stats)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _instance(self, cluster: str, container_instance: str) -> Instance:
        return Instance(str(self._namespace), cluster, container_instance)

    def _check(self) -> None:
        if self._cut:
            raise LinkDown("the link is cut")
