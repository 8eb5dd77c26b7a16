"""World: an engine of values, a simulated host and agents between them, under a clock that is told to go on."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from quarterdeck.agents.agent import Agent, Ended
from quarterdeck.agents.archive import Archive, NoArchive
from quarterdeck.agents.identity import KeptInMemory
from quarterdeck.agents.link import Answer, LinkDown, Refused, Serve
from quarterdeck.agents.runtimes.port import Container, ContainerSpec
from quarterdeck.agents.runtimes.simulated import Behaviour, SimulatedHost, SimulatedRuntime
from quarterdeck.agents.settings import Limits, Settings, Timing
from quarterdeck.agents.storer import LogStore, NoLogStore
from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace, short_name
from quarterdeck.events.secret_exchange import KEY_BYTES, SecretsAnswer, SecretsRequest
from quarterdeck.events.secret_seal import seal
from quarterdeck.events.session import Grant, Redemption
from quarterdeck.events.stats import InstanceStats
from quarterdeck.events.wanted import Heartbeat, HeartbeatAnswer, WantedChange, WantedList, WantedTask

NAMESPACE = Namespace("us-east-1", "000000000000")
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
INSTANCE = "c0ffee" * 5 + f"{WORKER:02}"
"""Each process that runs tests has its own, by whose label it finds its containers on the one Docker Engine."""
TURNS_MAX = 30
STEPS_MAX = 5_000
TOKEN = "open sesame"


class ManualClock:
    """Stands still until it is told to go on."""

    def __init__(self, seconds: float = 1_000.0) -> None:
        self.seconds = seconds
        self.order = itertools.count()
        self.sleeping: list[tuple[float, int, asyncio.Event]] = []

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heapq.heappush(self.sleeping, (self.seconds + seconds, next(self.order), woken))
        await woken.wait()

    def tick(self) -> None:
        """Go on to the next moment anybody waits for."""
        if self.sleeping:
            moment, _, woken = heapq.heappop(self.sleeping)
            self.seconds = max(self.seconds, moment)
            woken.set()


class FakeEngine:
    """What the agent's side of an engine promises, on values."""

    def __init__(self, *clusters: str) -> None:
        self.clusters = set(clusters)
        self.status = "ACTIVE"
        self.knows_instance = True
        self.tasks: dict[str, WantedTask] = {}
        self.sequence = 10
        self.last_change = 0
        self.down = False
        self.deaf = False
        self.lists = 0
        self.registrations: list[shapes.RegisterContainerInstanceRequest] = []
        self.reports: list[shapes.SubmitTaskStateChangeRequest] = []
        self.calls: list[str] = []
        self.heartbeats: list[Heartbeat] = []
        self.stats: list[InstanceStats] = []
        self.secrets: dict[str, str] = {}
        self.refusals: dict[str, list[Refused]] = {}
        self.lose_answers = 0
        self.replaced_by = ""
        """The session of another agent that is the instance."""
        self.answers: dict[str, msgspec.Struct] = {}
        self.listeners: set[asyncio.Queue[WantedChange]] = set()
        self.grants: dict[str, Grant] = {}

    def place(self, *names: str, definition: shapes.TaskDefinition, **fields: Any) -> None:
        """Want tasks to run, in one change."""
        self._change(*(WantedTask(task=name, definition=definition, **fields) for name in names))

    def stop(self, name: str) -> None:
        """Want a task to end."""
        self._change(WantedTask(task=name, desired_status="STOPPED"))

    def forget(self, name: str) -> None:
        """Want nothing of a task any more, without a word."""
        self.tasks.pop(name)
        self.sequence += 1

    def _change(self, *wanted: WantedTask) -> None:
        self.sequence += 3
        previous, self.last_change = self.last_change, self.sequence
        for each in wanted:
            self.tasks[each.task] = each
        for listener in self.listeners:
            if not (self.deaf or self.down):
                listener.put_nowait(WantedChange(sequence=self.sequence, previous=previous, tasks=list(wanted)))

    def check(self) -> None:
        if self.down:
            raise LinkDown("the engine is away")

    def answer(self, operation: str, request: Any, token: str) -> msgspec.Struct:
        """Carry out an operation once for each token."""
        if token not in self.answers:
            self.calls.append(operation)
            if self.refusals.get(operation):
                raise self.refusals[operation].pop(0)
            self.sequence += 1
            self.answers[token] = getattr(self, operation)(request)
        if self.lose_answers:
            self.lose_answers -= 1
            raise LinkDown("no answer in time")
        return self.answers[token]

    def RegisterContainerInstance(  # noqa: N802 - ECS's name
        self, request: shapes.RegisterContainerInstanceRequest
    ) -> shapes.RegisterContainerInstanceResponse:
        if request.cluster not in self.clusters:
            raise Refused("ClusterNotFoundException", "Cluster not found.")
        self.registrations.append(request)
        arn = NAMESPACE.container_instance_arn(request.cluster or "", INSTANCE)
        return shapes.RegisterContainerInstanceResponse(
            container_instance=shapes.ContainerInstance(container_instance_arn=arn, status="ACTIVE")
        )

    def CreateCluster(self, request: shapes.CreateClusterRequest) -> shapes.CreateClusterResponse:  # noqa: N802
        self.clusters.add(request.cluster_name or "")
        return shapes.CreateClusterResponse()

    def SubmitTaskStateChange(  # noqa: N802
        self, request: shapes.SubmitTaskStateChangeRequest
    ) -> shapes.SubmitTaskStateChangeResponse:
        self.reports.append(request)
        name = short_name(request.task or "")
        if request.status == "STOPPED":
            self.tasks.pop(name, None)
        elif name in self.tasks:
            known = self.tasks[name]
            told = {each.container_name or "": each.restart_count for each in request.containers or []}
            restarts = {**known.restarts, **{key: count for key, count in told.items() if count}}
            status = request.status if request.status in {"RUNNING", "STOPPING"} else known.last_status
            statuses = {**dict.fromkeys(known.unstarted, "PENDING"), **_statuses(request)}
            unstarted = tuple(each for each, said in statuses.items() if said == "PENDING")
            self.tasks[name] = msgspec.structs.replace(
                known, last_status=status, restarts=restarts, unstarted=unstarted
            )
        return shapes.SubmitTaskStateChangeResponse(acknowledgment="")

    def told(self, name: str) -> list[str]:
        """The statuses a task reached, as reported; see `details` for what it waited for before."""
        return [each.status or "" for each in self._of(name) if each.status != "PENDING"]

    def details(self, name: str) -> list[str]:
        """Why the containers of a task were PENDING, as reported."""
        waiting = [each.containers or [] for each in self._of(name) if each.status == "PENDING"]
        return [change.reason or "" for changes in waiting for change in changes]

    def _of(self, name: str) -> list[shapes.SubmitTaskStateChangeRequest]:
        return [each for each in self.reports if short_name(each.task or "") == name]

    def last(self, name: str) -> shapes.SubmitTaskStateChangeRequest:
        """The last report of a task."""
        return self._of(name)[-1]


class FakeLink:
    """One agent's way to the engine of values."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.closed = False
        self.serve: Serve | None = None

    async def call(
        self, cluster: str, operation: str, request: msgspec.Struct, answer: type[Answer], command: str
    ) -> Answer:
        await asyncio.sleep(0)
        self.engine.check()
        found = self.engine.answer(operation, request, command)
        assert isinstance(found, answer)
        return found

    async def wanted(self, cluster: str, container_instance: str) -> WantedList:
        await asyncio.sleep(0)
        self.engine.check()
        self.engine.lists += 1
        return WantedList(
            sequence=self.engine.sequence,
            status=self.engine.status,
            tasks=list(self.engine.tasks.values()),
            known=self.engine.knows_instance,
            session=self.engine.replaced_by,
        )

    async def changes(self, cluster: str, container_instance: str) -> AsyncIterator[WantedChange]:
        queue: asyncio.Queue[WantedChange] = asyncio.Queue()
        self.engine.listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.engine.listeners.discard(queue)

    async def heartbeat(self, cluster: str, container_instance: str, beat: Heartbeat) -> HeartbeatAnswer:
        await asyncio.sleep(0)
        self.engine.check()
        self.engine.heartbeats.append(beat)
        return HeartbeatAnswer(
            status=self.engine.status,
            sequence=self.engine.last_change,
            session=self.engine.replaced_by,
            known=self.engine.knows_instance,
        )

    async def redeem(self, cluster: str, container_instance: str, redemption: Redemption) -> Grant:
        await asyncio.sleep(0)
        self.engine.check()
        found = self.engine.grants.pop(redemption.session, None)
        if found is None or redemption.token != TOKEN:
            raise Refused("InvalidParameterException", "Session unknown.")
        return found

    async def callers(self, cluster: str, container_instance: str, serve: Serve) -> None:
        self.serve = serve
        await asyncio.Event().wait()

    async def secrets(self, cluster: str, container_instance: str, request: SecretsRequest) -> SecretsAnswer:
        self.engine.check()
        there = {each: self.engine.secrets[each] for each in request.value_from if each in self.engine.secrets}
        sealed = seal(there, request.public_key, request.task, b"e" * KEY_BYTES)
        return SecretsAnswer(sealed=sealed, missing=[each for each in request.value_from if each not in there])

    async def tell_stats(self, cluster: str, container_instance: str, stats: InstanceStats) -> None:
        self.engine.check()
        self.engine.stats.append(stats)

    async def close(self) -> None:
        self.closed = True


class World:
    """One engine, one host, one agent at a time. A container behaves as its image is called."""

    def __init__(self, *clusters: str, **behaviours: Behaviour) -> None:
        self.clock = ManualClock()
        self.engine = FakeEngine(*(clusters or ("default",)))
        self.behaviours = behaviours
        self.host = SimulatedHost(self.clock, behaviour_of=self.behaviour)
        self.store = KeptInMemory()
        self.numbers = itertools.count(1)
        self.archive: Archive = NoArchive()
        self.log_store: LogStore = NoLogStore()
        self.link = FakeLink(self.engine)
        self.agent: Agent | None = None
        self.running: asyncio.Task[Ended] | None = None

    def behaviour(self, spec: ContainerSpec) -> Behaviour:
        return self.behaviours.get(spec.image, Behaviour())

    def settings(self, **fields: Any) -> Settings:
        return Settings(**{"host": "here", "timing": Timing(), "limits": Limits(), **fields})

    def start(self, **fields: Any) -> None:
        """Start an agent."""
        self.link = FakeLink(self.engine)
        self.agent = Agent(
            settings=self.settings(**fields),
            store=self.store,
            link=self.link,
            runtime=SimulatedRuntime(self.host),
            clock=self.clock,
            archive=self.archive,
            log_store=self.log_store,
            token=lambda digits: f"{next(self.numbers):0{digits}x}",
        )
        self.running = asyncio.get_running_loop().create_task(self.agent.run(), name="the agent")

    async def ended(self) -> Ended:
        """Wait until the agent has ended."""
        assert self.running is not None
        async with asyncio.timeout(5):
            await self.until(self.running.done)
            return await self.running

    async def stop(self) -> None:
        """End the agent, as an operator does."""
        assert self.agent is not None
        self.agent.stop()
        assert await self.ended() == "stopped"

    async def crash(self) -> None:
        """End the agent in the middle of things."""
        assert self.running is not None
        self.running.cancel()
        await asyncio.wait({self.running})

    async def until(self, holds: Callable[[], Any]) -> None:
        """Let time pass until it holds."""
        for _ in range(STEPS_MAX):
            for _ in range(TURNS_MAX):
                if holds():
                    return
                await asyncio.sleep(0)
            self.clock.tick()
        raise AssertionError("it never held")

    async def go(self, seconds: float) -> None:
        """Let that much time pass."""
        end = self.clock.now() + seconds
        while True:
            for _ in range(TURNS_MAX):
                await asyncio.sleep(0)
            if not self.clock.sleeping or self.clock.sleeping[0][0] > end:
                break
            self.clock.tick()
        self.clock.seconds = end

    def containers(self) -> list[Container]:
        return list(self.host.containers())

    async def close(self) -> None:
        if self.running is not None and not self.running.done():
            await self.crash()
        await self.host.close()


def _statuses(request: shapes.SubmitTaskStateChangeRequest) -> dict[str, str]:
    return {each.container_name or "": each.status or "" for each in request.containers or []}


def definition(*containers: shapes.ContainerDefinition, **fields: Any) -> shapes.TaskDefinition:
    """Family web, revision 1."""
    given = list(containers) or [container("app")]
    return shapes.TaskDefinition(**{"family": "web", "revision": 1, "container_definitions": given, **fields})


def container(name: str, image: str = "forever", **fields: Any) -> shapes.ContainerDefinition:
    return shapes.ContainerDefinition(**{"name": name, "image": image, "memory": 32, "essential": True, **fields})


def task_id(number: int) -> str:
    return f"{number:012x}" + 20 * "f"
