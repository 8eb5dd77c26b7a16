"""The durable queue: exactly once, whatever happens in between."""

import asyncio
import json

import pytest

from quarterdeck.engine.doors import queue
from quarterdeck.engine.doors.commands import Messages
from quarterdeck.engine.doors.queue import Queue
from quarterdeck.engine.doors.reply import Reply
from quarterdeck.events.log import api
from quarterdeck.events.log.connect import connect
from quarterdeck.events.log.server import Server
from tests.engine.outside import engine, outsider, until

pytestmark = pytest.mark.nats

SCOPE = "us-east-1/000000000000"


async def left(server: Server) -> int:
    """Messages still in the queue."""
    link = await connect(server.address(), "test")
    try:
        return int(json.loads(await api.call(link, "STREAM.INFO.QD_QUEUE"))["state"]["messages"])
    finally:
        await link.close()


async def emptied(server: Server) -> None:
    async with asyncio.timeout(15):
        while await left(server):
            await asyncio.sleep(0.02)


async def test_a_command_left_while_no_engine_is_up_is_carried_out_once_it_is(server: Server) -> None:
    async with outsider(server) as client:
        answers = await client.listen("qd.answer.>")
        async with engine(server):
            await client.furnish()
        for number in range(20):
            await client.enqueue("RunTask", {"taskDefinition": "job"}, f"n{number}")
        async with engine(server) as replica:
            await until(lambda: len(answers) == 20)
            tasks = replica.keeper.view.namespaces[SCOPE].clusters["web"].tasks
            assert len(tasks) == 20
            assert {(each.headers or {})["Qd-Command-Id"] for each in answers} == {f"n{each}" for each in range(20)}
            assert all(int((each.headers or {})["Qd-Sequence"]) <= replica.keeper.sequence for each in answers)
            await emptied(server)
        async with engine(server) as replica:
            assert len(replica.keeper.view.namespaces[SCOPE].clusters["web"].tasks) == 20


async def test_an_engine_that_dies_between_commit_and_acknowledgement_repeats_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "ACK_SECONDS_MAX", 1)
    carried_out = asyncio.Event()

    async def die(*_: object) -> None:
        carried_out.set()

    async with outsider(server) as client:
        with monkeypatch.context() as patched:
            patched.setattr(Queue, "_settle", die)
            async with engine(server) as replica:
                await client.furnish()
                await client.enqueue("RunTask", {"taskDefinition": "job"}, "once")
                await carried_out.wait()
                (task,) = replica.keeper.view.namespaces[SCOPE].clusters["web"].tasks
        assert await left(server) == 1
        answers = await client.listen("qd.answer.>")
        async with engine(server) as replica:
            await until(lambda: answers)
            assert json.loads(answers[0].data)["tasks"][0]["taskArn"].endswith(task)
            assert list(replica.keeper.view.namespaces[SCOPE].clusters["web"].tasks) == [task]
            await emptied(server)


async def test_a_message_without_an_id_is_carried_out_once_too(server: Server) -> None:
    async with outsider(server) as client, engine(server) as replica:
        await client.furnish()
        answers = await client.listen("qd.answer.>")
        subject = "qd.queue.us-east-1.000000000000.web.RunTask"
        await client.client.jetstream().publish(subject, b'{"taskDefinition":"job"}')
        await until(lambda: answers)
        assert (answers[0].headers or {})["Qd-Command-Id"].startswith("queue/")
        assert len(replica.keeper.view.namespaces[SCOPE].clusters["web"].tasks) == 1


@pytest.mark.parametrize(
    ("subject", "payload", "code"),
    [
        ("us-east-1.000000000000.web.RunTask", b'{"taskDefinition":"none"}', "ClientException"),
        ("us-east-1.000000000000.web.RunTask", b"\xff", "SerializationException"),
        ("us-east-1.000000000000.web.Dance", b"", "UnknownOperationException"),
        ("nonsense", b"", "InvalidParameterException"),
    ],
)
async def test_a_refused_command_is_taken_off_and_its_error_told(
    server: Server, subject: str, payload: bytes, code: str
) -> None:
    async with outsider(server) as client, engine(server):
        await client.furnish()
        answers = await client.listen("qd.answer.>")
        await client.client.jetstream().publish(f"qd.queue.{subject}", payload, headers={"Nats-Msg-Id": "bad"})
        await until(lambda: answers)
        assert answers[0].subject == f"qd.answer.{subject}"
        assert (answers[0].headers or {})["Qd-Error"] == code
        assert json.loads(answers[0].data)["__type"] == code
        await emptied(server)


async def test_weather_is_waited_out(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    storms = [Reply(b"", {}, "ServerException", retry=True) for _ in range(3)]
    carry_out = Messages.carry_out

    async def stormy(self: Messages, *arguments: object) -> Reply:
        return storms.pop() if storms else await carry_out(self, *arguments)  # type: ignore[arg-type]  # as they came

    async with outsider(server) as client, engine(server) as replica:
        await client.furnish()
        monkeypatch.setattr(Messages, "carry_out", stormy)
        answers = await client.listen("qd.answer.>")
        await client.enqueue("RunTask", {"taskDefinition": "job"}, "weather")
        await until(lambda: answers)
        assert "Qd-Error" not in (answers[0].headers or {})
        assert len(replica.keeper.view.namespaces[SCOPE].clusters["web"].tasks) == 1


async def test_an_answer_too_long_for_nats_is_told_and_its_command_taken_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lengthy(*_: object) -> Reply:
        return Reply(b"x" * (2 << 20), {"Qd-Sequence": "7"})

    monkeypatch.setattr(Messages, "carry_out", lengthy)
    async with outsider(server) as client, engine(server):
        answers = await client.listen("qd.answer.>")
        await client.enqueue("DescribeTasks", {}, "much")
        await until(lambda: answers)
        assert "more than NATS carries" in json.loads(answers[0].data)["message"]
        assert (answers[0].headers or {})["Qd-Command-Id"] == "much"
        await emptied(server)
