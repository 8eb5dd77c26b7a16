"""An agent's link over a real NATS server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio

from quarterdeck.agents.link import LinkDown, Refused
from quarterdeck.agents.nats_link import NatsLink, open_link
from quarterdeck.agents.runtimes.simulated import SimulatedHost, SimulatedRuntime
from quarterdeck.events import shapes
from quarterdeck.events.log.connect import Address
from quarterdeck.events.names import Namespace
from quarterdeck.events.wanted import Heartbeat
from tests.agents.nats_engine import NatsEngine, WallClock, agent, link_to, served
from tests.agents.runtimes.cases import eventually
from tests.agents.world import INSTANCE, definition, task_id

pytestmark = pytest.mark.nats
REPORT = shapes.SubmitTaskStateChangeRequest(cluster="default", task=task_id(1), status="RUNNING")
ONE = task_id(1)


@pytest_asyncio.fixture
async def engine(nats_url: str) -> AsyncIterator[NatsEngine]:
    async with served(nats_url) as found:
        yield found


@pytest_asyncio.fixture
async def link(nats_url: str, engine: NatsEngine) -> AsyncIterator[NatsLink]:
    found = await link_to(nats_url, engine.namespace.region)
    yield found
    await found.close()


async def report(link: NatsLink, token: str = "t/1") -> Any:
    return await link.call("default", "SubmitTaskStateChange", REPORT, shapes.SubmitTaskStateChangeResponse, token)


async def test_a_call_says_what_it_is_and_who_asks(engine: NatsEngine, link: NatsLink) -> None:
    assert await report(link) == shapes.SubmitTaskStateChangeResponse(acknowledgment="")
    (message,) = engine.seen
    assert message.subject.endswith(".000000000000.default.SubmitTaskStateChange")
    assert message.headers == {"Qd-Command-Id": "t/1", "Qd-Actor": "agent/i-test"}
    assert engine.engine.reports == [REPORT]


async def test_a_refusal_has_its_code_and_text(engine: NatsEngine, link: NatsLink) -> None:
    engine.engine.refusals["SubmitTaskStateChange"] = [Refused("ClientException", "no such task")]
    with pytest.raises(Refused, match="no such task") as caught:
        await report(link)
    assert caught.value.code == "ClientException"


async def test_trouble_inside_the_engine_is_weather(engine: NatsEngine, link: NatsLink) -> None:
    engine.engine.refusals["SubmitTaskStateChange"] = [Refused("ServerException", "later")]
    with pytest.raises(LinkDown, match="later"):
        await report(link)
    await report(link)


async def test_without_an_engine_nobody_waits(nats_url: str) -> None:
    link = await link_to(nats_url, "nobody-1")
    async with asyncio.timeout(2):
        for attempt in (report(link), link.wanted("default", INSTANCE), beat(link)):
            with pytest.raises(LinkDown):
                await attempt
    await link.close()


async def beat(link: NatsLink) -> Any:
    return await link.heartbeat("default", INSTANCE, Heartbeat(session="s"))


async def test_without_a_server_there_is_no_link() -> None:
    with pytest.raises(LinkDown):
        await open_link(Address(url="nats://127.0.0.1:9"), Namespace("r-1", "000000000000"), "agent/i-test")


async def test_a_closed_link_is_down(link: NatsLink) -> None:
    await link.close()
    with pytest.raises(LinkDown):
        await beat(link)


async def test_a_change_that_can_not_be_read_is_passed_over(nats_url: str, engine: NatsEngine, link: NatsLink) -> None:
    changes = aiter(link.changes("default", INSTANCE))
    waiting = asyncio.ensure_future(anext(changes))  # noqa: TID251 - asked for before there is one
    client = await nats.connect(nats_url)
    scope = f"{engine.namespace.region}.{engine.namespace.account}"
    while not waiting.done():
        await client.publish(f"qd.want.{scope}.default.{INSTANCE}", b"?")
        await client.publish(f"qd.want.{scope}.default.{INSTANCE}", b'{"sequence":2,"previous":1}')
        await asyncio.sleep(0.01)
    assert (await waiting).sequence == 2
    await client.close()


async def test_an_agent_runs_tasks_over_nats(engine: NatsEngine, link: NatsLink, tmp_path: Path) -> None:
    host = SimulatedHost(WallClock())
    running = asyncio.ensure_future(agent(link, SimulatedRuntime(host), tmp_path).run())  # noqa: TID251 - below
    engine.engine.place(ONE, definition=definition())
    await eventually(lambda: engine.engine.told(ONE) == ["RUNNING"])
    host.kill(next(iter(host.containers())).id)
    await eventually(lambda: engine.engine.told(ONE) == ["RUNNING", "STOPPED"])
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert engine.engine.heartbeats[-1].leaving
