"""Outside: an engine with its doors on NATS, and a client that knows nothing of it but subjects and JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from quarterdeck.engine.doors.commands import DoorSettings
from quarterdeck.engine.replica import Replica, ReplicaSettings, running
from quarterdeck.engine.server import serving
from quarterdeck.events.log.connect import connect
from quarterdeck.events.log.credentials import User
from quarterdeck.events.log.jetstream import JetStreamLog, Settings, open_log
from quarterdeck.events.log.server import Server

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
        await self.client.flush()
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


def task_of(answer: dict[str, Any]) -> str:
    """The id of the only task of an answer."""
    (task,) = answer["tasks"]
    return str(task["taskArn"]).rsplit("/", 1)[1]
