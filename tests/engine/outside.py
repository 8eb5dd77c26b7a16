"""Outside: an engine with its doors on NATS, and a client that knows nothing of it but subjects and JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from quarterdeck.agents.agent import Agent
from quarterdeck.agents.archive import ArchiveDirectory
from quarterdeck.agents.identity import DataDirectory
from quarterdeck.agents.nats_link import open_link
from quarterdeck.agents.runtimes.simulated import SimulatedHost, SimulatedRuntime
from quarterdeck.agents.runtimes.simulated.behaviour import BehaviourOf, run_for_ever
from quarterdeck.agents.settings import Keeping, Timing
from quarterdeck.agents.settings import Settings as AgentSettings
from quarterdeck.engine.doors.commands import DoorSettings
from quarterdeck.engine.host import LOGS, RealClock, token
from quarterdeck.engine.replica import Replica, ReplicaSettings, running
from quarterdeck.engine.server import serving
from quarterdeck.events.log.connect import Address, connect, flush
from quarterdeck.events.log.credentials import User
from quarterdeck.events.log.jetstream import JetStreamLog, Settings, open_log
from quarterdeck.events.log.objects import Bucket
from quarterdeck.events.log.server import Server
from quarterdeck.events.names import Namespace

SECONDS_MAX = 15.0
SCOPE = "us-east-1.000000000000"
CONTAINER = {"name": "app", "image": "app", "cpu": 64, "memory": 64}
ROOM = [{"name": name, "type": "INTEGER", "integerValue": 1_000_000} for name in ("CPU", "MEMORY")]
ZONE = [{"name": "ecs.availability-zone", "value": "us-east-1a"}]


async def until(condition: Callable[[], object], seconds_max: float = SECONDS_MAX) -> None:
    """Wait, bounded, until something is so."""
    async with asyncio.timeout(seconds_max):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def opened_log(server: Server) -> AsyncIterator[JetStreamLog]:
    log = await open_log(server.address(), Settings(monitors=(server.monitor_url,)))
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def engine(server: Server, doors: DoorSettings | None = None) -> AsyncIterator[Replica]:
    """Run an engine with its doors for the length of a block."""
    async with opened_log(server) as log:
        link = await connect(server.address(), "doors")
        try:
            async with running(log, ReplicaSettings(heartbeat_timeout=1e9)) as replica, serving(replica, link, doors):
                yield replica
        finally:
            await link.close()


class Outsider:
    """A stock NATS client and what it says to an engine."""

    def __init__(self, client: Client, server: Server) -> None:
        self.client = client
        self.server = server

    async def ask(self, operation: str, body: object = None, cluster: str = "web", **headers: str) -> Msg:
        """Request an operation; the answer as it came."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.raw(f"qd.cmd.{SCOPE}.{cluster}.{operation}", json.dumps(body or {}).encode(), named)

    async def raw(self, subject: str, payload: bytes, headers: dict[str, str] | None = None) -> Msg:
        return await self.client.request(subject, payload, timeout=SECONDS_MAX, headers=headers or None)

    async def call(self, operation: str, body: object = None, cluster: str = "web", **headers: str) -> dict[str, Any]:
        """Request an operation that must succeed."""
        answer = await self.ask(operation, body, cluster, **headers)
        assert "Qd-Error" not in (answer.headers or {}), answer.data
        return dict(json.loads(answer.data))

    async def enqueue(self, operation: str, body: object, number: str, cluster: str = "web") -> None:
        """Leave a command in the durable queue."""
        subject = f"qd.queue.{SCOPE}.{cluster}.{operation}"
        headers = {"Nats-Msg-Id": number}
        await self.client.jetstream().publish(subject, json.dumps(body).encode(), headers=headers)

    async def listen(self, subject: str) -> list[Msg]:
        """Keep every message from now on."""
        heard: list[Msg] = []

        async def hear(message: Msg) -> None:
            heard.append(message)

        await self.client.subscribe(subject, cb=hear)
        await flush(self.client)
        return heard

    async def beat(self, instance: str, session: str = "s", *, leaving: bool = False) -> dict[str, Any]:
        body = json.dumps({"session": session, "leaving": leaving}).encode()
        return dict(json.loads((await self.raw(f"qd.agent.{SCOPE}.web.{instance}.heartbeat", body)).data))

    async def furnish(self) -> str:
        """Make a cluster, a task definition and an instance whose agent is connected; its id."""
        await self.call("CreateCluster")
        await self.call("RegisterTaskDefinition", {"family": "job", "containerDefinitions": [CONTAINER]}, "-")
        answer = await self.call("RegisterContainerInstance", {"totalResources": ROOM, "attributes": ZONE})
        instance = str(answer["containerInstance"]["containerInstanceArn"]).rsplit("/", 1)[1]
        async with outsider(self.server, "agent") as agent:
            await agent.beat(instance)
        return instance


@asynccontextmanager
async def outsider(server: Server, user: User = "operator") -> AsyncIterator[Outsider]:
    """Connect as one of the server's users."""
    client = await nats.connect(server.url, user_credentials=str(server.creds(user)))
    try:
        yield Outsider(client, server)
    finally:
        await client.close()


async def agent_on(server: Server, data: Path, behaviour_of: BehaviourOf = run_for_ever) -> Agent:
    """An agent of cluster web whose containers are values."""
    clock, address = RealClock(), Address(url=server.url, creds=server.creds("agent"))
    link = await open_link(address, Namespace.parse(SCOPE.replace(".", "/")), "agent/test")
    timing = Timing(in_use_seconds_max=0.3, heartbeat_seconds=0.1, keep_stopped_seconds=0.0)
    keeping = Keeping(store_seconds=0.1)
    return Agent(
        settings=AgentSettings(host=data.name, cluster="web", timing=timing, keeping=keeping),
        store=DataDirectory(data),
        link=link,
        runtime=SimulatedRuntime(SimulatedHost(clock, behaviour_of=behaviour_of)),
        clock=clock,
        token=token,
        archive=ArchiveDirectory(data / LOGS, keeping),
        log_store=link.log_store(Bucket(bytes_max=1 << 20, seconds_max=3600.0)),
    )


async def run_soon(client: Outsider, family: str) -> str:
    """Run a task once an instance's agent is connected; its id."""
    async with asyncio.timeout(SECONDS_MAX):
        while True:
            answer = json.loads((await client.ask("RunTask", {"taskDefinition": family})).data)
            if answer.get("tasks"):
                return task_of(answer)
            await asyncio.sleep(0.02)


def task_of(answer: dict[str, Any]) -> str:
    """The id of the only task of an answer."""
    (task,) = answer["tasks"]
    return str(task["taskArn"]).rsplit("/", 1)[1]
