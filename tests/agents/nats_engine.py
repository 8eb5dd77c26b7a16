"""The engine of values behind NATS, and an agent that can be started as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from quarterdeck.agents.agent import Agent
from quarterdeck.agents.identity import DataDirectory
from quarterdeck.agents.link import LinkDown, Refused
from quarterdeck.agents.nats_link import NatsLink, open_link
from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.agents.settings import Settings, Timing
from quarterdeck.events import shapes
from quarterdeck.events.log.connect import Address
from quarterdeck.events.names import DEFAULT_ACCOUNT, Namespace
from quarterdeck.events.secret_exchange import SecretsRequest
from quarterdeck.events.wanted import Heartbeat, WantedChange
from tests.agents.world import INSTANCE, FakeEngine, FakeLink


class WallClock:
    """The real time."""

    def now(self) -> float:
        return time.time()  # noqa: TID251 - this is the clock that is handed out

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class NatsEngine:
    """Answers what agents ask over NATS. Its region is the test's own, so that tests keep apart."""

    def __init__(self, engine: FakeEngine, client: Client, region: str) -> None:
        self.engine = engine
        self.link = FakeLink(engine)
        self.client = client
        self.namespace = Namespace(region, DEFAULT_ACCOUNT)
        self.seen: list[Msg] = []

    async def serve(self) -> None:
        scope = f"{self.namespace.region}.{self.namespace.account}"
        await self.client.subscribe(f"qd.cmd.{scope}.>", cb=self.command)
        await self.client.subscribe(f"qd.agent.{scope}.>", cb=self.asked)
        queue: asyncio.Queue[WantedChange] = asyncio.Queue()
        self.engine.listeners.add(queue)
        while True:
            change = msgspec.json.encode(await queue.get())
            await self.client.publish(f"qd.want.{scope}.default.{INSTANCE}", change)

    async def command(self, message: Msg) -> None:
        self.seen.append(message)
        operation = message.subject.rpartition(".")[2]
        shape = getattr(shapes, operation + "Request")
        request = msgspec.json.decode(message.data, type=shape)
        try:
            answer = self.engine.answer(operation, request, (message.headers or {})["Qd-Command-Id"])
        except LinkDown:
            return
        except Refused as refusal:
            error = msgspec.json.encode({"__type": refusal.code, "message": refusal.message})
            await self.client.publish(message.reply, error, headers={"Qd-Error": refusal.code})
        else:
            await message.respond(msgspec.json.encode(answer))

    async def asked(self, message: Msg) -> None:
        *_, cluster, instance, what = message.subject.split(".")
        if self.engine.down:
            return
        answer: Any
        if what == "wanted":
            answer = await self.link.wanted(cluster, instance)
        elif what == "secrets":
            asked = msgspec.json.decode(message.data, type=SecretsRequest)
            answer = await self.link.secrets(cluster, instance, asked)
        else:
            answer = await self.link.heartbeat(cluster, instance, msgspec.json.decode(message.data, type=Heartbeat))
        await message.respond(msgspec.json.encode(answer))


@contextlib.asynccontextmanager
async def served(url: str) -> AsyncIterator[NatsEngine]:
    """An engine of values behind this server."""
    client = await nats.connect(url)
    served = NatsEngine(FakeEngine("default"), client, f"t{secrets.token_hex(4)}")
    serving = asyncio.get_running_loop().create_task(served.serve(), name="engine")
    try:
        yield served
    finally:
        serving.cancel()
        await asyncio.wait({serving})
        await client.close()


async def link_to(url: str, region: str) -> NatsLink:
    return await open_link(Address(url=url), Namespace(region, DEFAULT_ACCOUNT), "agent/i-test")


def agent(link: NatsLink, runtime: Runtime, data: Path, **fields: Any) -> Agent:
    timing = Timing(stop_timeout_seconds=1.0, keep_stopped_seconds=0.0)
    return Agent(
        settings=Settings(host="here", timing=timing, **fields),
        store=DataDirectory(data),
        link=link,
        runtime=runtime,
        clock=WallClock(),
        token=lambda digits: secrets.token_hex(digits)[:digits],
    )


async def main(url: str, region: str, data: str, socket_path: str) -> None:
    """An agent on Docker, until it is killed."""
    await agent(await link_to(url, region), DockerRuntime(socket_path), Path(data)).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
