"""Link: an agent's way to the engines: slow, lossy, now and then cut; what is sent may arrive twice and late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TypeVar

import msgspec

from quarterdeck.agents.link import Answer, LinkDown, Refused, Serve
from quarterdeck.agents.spawn import spawn
from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.doors.door import OPERATIONS
from quarterdeck.engine.doors.operation import Write
from quarterdeck.engine.shell.command import Command, NotKeeper, Outcome
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events import shapes
from quarterdeck.events.codec import unseal
from quarterdeck.events.container_instance import ContainerInstanceEvent
from quarterdeck.events.names import Namespace
from quarterdeck.events.secret_exchange import SecretsAnswer, SecretsRequest
from quarterdeck.events.session import Grant, Redemption
from quarterdeck.events.stats import InstanceStats
from quarterdeck.events.wanted import Heartbeat, HeartbeatAnswer, WantedChange, WantedList
from tests.simulation.chance import Chance, Weather
from tests.simulation.shard import Engine, Shard

NAMESPACE = Namespace("us-east-1", "000000000000")
ANSWER_SECONDS_MAX = 5.0
SERVER_STATUS = 500

Found = TypeVar("Found")


class Link:
    """What `agents.link.Link` promises, under the weather there is."""

    def __init__(self, shard: Shard, chance: Chance, weather: Weather, group: asyncio.TaskGroup) -> None:
        self.cut = False
        self._shard = shard
        self._chance = chance
        self._weather = weather
        self._group = group

    async def call(
        self, cluster: str, operation: str, request: msgspec.Struct, answer: type[Answer], command: str
    ) -> Answer:
        """Carry out an operation; it may be carried out even if this does not learn of it."""
        sent = commanded(operation, request, "agent", command)
        if self._chance.happens(self._weather.twice):
            spawn(self._group, self._again(sent), "a report that comes twice")
        try:
            outcome = await self._asked(lambda engine: engine.keeper.submit(sent))
        except Refusal as refusal:
            if refusal.status >= SERVER_STATUS:
                raise LinkDown(f"{refusal.code}: {refusal.message}") from refusal
            raise Refused(refusal.code, refusal.message) from refusal
        response = _response(self._shard, request, outcome)
        assert isinstance(response, answer)
        return response

    async def wanted(self, cluster: str, container_instance: str) -> WantedList:
        """List what the instance should run."""
        instance = Instance(str(NAMESPACE), cluster, container_instance)
        return await self._asked(lambda engine: engine.wanted.listing(instance))

    async def changes(self, cluster: str, container_instance: str) -> AsyncIterator[WantedChange]:
        """Follow changes, of which some are lost, doubled, and out of order."""
        queue: asyncio.Queue[WantedChange] = asyncio.Queue()
        listener = partial(self._hear, queue)
        listeners = self._shard.listeners.setdefault(Instance(str(NAMESPACE), cluster, container_instance), [])
        listeners.append(listener)
        try:
            while True:
                yield await queue.get()
        finally:
            listeners.remove(listener)

    async def heartbeat(self, cluster: str, container_instance: str, beat: Heartbeat) -> HeartbeatAnswer:
        """Give a sign of life."""
        instance = Instance(str(NAMESPACE), cluster, container_instance)
        return await self._asked(lambda engine: engine.heartbeats.beat(instance, beat))

    async def secrets(self, cluster: str, container_instance: str, request: SecretsRequest) -> SecretsAnswer:
        """Nobody here has secrets."""
        raise LinkDown("there is no vault in a simulated world")

    async def tell_stats(self, cluster: str, container_instance: str, stats: InstanceStats) -> None:
        """Nobody looks at what containers use."""

    async def redeem(self, cluster: str, container_instance: str, redemption: Redemption) -> Grant:
        """Nobody executes commands here."""
        raise LinkDown("there are no sessions in a simulated world")

    async def callers(self, cluster: str, container_instance: str, serve: Serve) -> None:
        """Nobody calls."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _asked(self, ask: Callable[[Engine], Awaitable[Found]]) -> Found:
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._go()
                engine = self._shard.door()
                if engine is None:
                    raise LinkDown("no engine answers")
                found = await ask(engine)
                await self._go()
                return found
        except (NotKeeper, TimeoutError) as error:
            raise LinkDown(str(error) or "no answer in time") from error
        except Refusal as refusal:
            if refusal.status >= SERVER_STATUS:
                raise LinkDown(f"{refusal.code}: {refusal.message}") from refusal
            raise

    async def _go(self) -> None:
        """Be on the way, unless there is none."""
        await self._chance.pass_(self._weather)
        if self.cut or self._chance.happens(self._weather.lost):
            raise LinkDown("the message is lost")

    async def _again(self, sent: Command) -> None:
        """Deliver once more, perhaps long after."""
        await asyncio.sleep(self._chance.uniform(0.0, self._weather.slow_seconds_max))
        engine = self._shard.door()
        if engine is not None and not self.cut:
            try:
                await engine.keeper.submit(sent)
            except (Refusal, NotKeeper):
                return

    def _hear(self, queue: asyncio.Queue[WantedChange], change: WantedChange) -> None:
        for _ in range(1 + self._chance.happens(self._weather.twice)):
            if not self._chance.happens(self._weather.lost):
                delay = self._chance.delay(self._weather)
                asyncio.get_running_loop().call_later(delay, self._put, queue, change)

    def _put(self, queue: asyncio.Queue[WantedChange], change: WantedChange) -> None:
        if not self.cut:
            queue.put_nowait(change)


def commanded(operation: str, request: msgspec.Struct, actor: str, token: str) -> Command:
    """Make a command of a request, as a door does."""
    found = OPERATIONS[operation]
    assert isinstance(found, Write)
    return Command(
        namespace=str(NAMESPACE),
        operation=operation,
        actor=actor,
        decide=partial(_decided, found, request),
        token=token,
        digest=operation,
    )


def _decided(operation: Write, request: msgspec.Struct, turn: Turn) -> object:
    return operation.decide(turn, request)


def _response(shard: Shard, request: msgspec.Struct, outcome: Outcome) -> msgspec.Struct:
    if isinstance(request, shapes.SubmitTaskStateChangeRequest):
        return shapes.SubmitTaskStateChangeResponse(acknowledgment=request.task)
    if isinstance(request, shapes.CreateClusterRequest):
        return shapes.CreateClusterResponse()
    assert isinstance(request, shapes.RegisterContainerInstanceRequest)
    events = outcome.events
    if outcome.repeat is not None:
        envelope = unseal(shard.store.records[outcome.repeat.sequence - 1].payload, outcome.repeat.sequence, None)
        events = next(each.events for each in envelope.commits if each.id == outcome.repeat.commit)
    event = next(each for each in events if isinstance(each, ContainerInstanceEvent))
    arn = NAMESPACE.container_instance_arn(event.cluster, event.container_instance)
    return shapes.RegisterContainerInstanceResponse(
        container_instance=shapes.ContainerInstance(container_instance_arn=arn, status="ACTIVE")
    )
