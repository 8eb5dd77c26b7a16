"""The feed: every event once, in order, in ECS's shape, over restarts of engine and server."""

import json
from typing import Any

import pytest
from nats.aio.msg import Msg

from quarterdeck.engine.doors import feed
from quarterdeck.engine.doors.feed_message import safe
from quarterdeck.engine.shell.lease import Lease
from quarterdeck.events.log.connect import connect
from quarterdeck.events.log.credentials import FEED_STREAM
from quarterdeck.events.log.server import Server
from tests.engine.outside import ROOM, Outsider, engine, outsider, task_of, until

pytestmark = pytest.mark.nats


def ids(messages: list[Msg]) -> list[tuple[int, ...]]:
    """Places of the messages."""
    return [tuple(int(each) for each in (message.headers or {})["Nats-Msg-Id"].split(".")) for message in messages]


async def test_a_stock_client_sees_a_task_in_eventbridges_shape(server: Server) -> None:
    async with engine(server), outsider(server) as client:
        heard = await client.listen("qd.feed.*.*.web.task.>")
        instance = await client.furnish()
        answer = await client.ask("RunTask", {"taskDefinition": "job"})
        task = task_of(json.loads(answer.data))
        await until(lambda: len(heard) == 2)
        assert [each.subject for each in heard] == [
            f"qd.feed.us-east-1.000000000000.web.task.{task}.{kind}" for kind in ("TaskRequested", "TaskPlaced")
        ]
        headers = heard[1].headers or {}
        sequence = (answer.headers or {})["Qd-Sequence"]
        assert (headers["Qd-Sequence"], headers["Nats-Msg-Id"]) == (sequence, f"{sequence}.1.2")
        assert headers["Qd-Actor"] == "arn:aws:iam::000000000000:root"
        event: dict[str, Any] = json.loads(heard[1].data)
        detail = event.pop("detail")
        arn = f"arn:aws:ecs:us-east-1:000000000000:task/web/{task}"
        assert event == {
            "version": "0",
            "id": event["id"],
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "account": "000000000000",
            "time": event["time"],
            "region": "us-east-1",
            "resources": [arn],
        }
        assert len(event["time"]) == len("2016-12-06T16:41:06Z")
        assert (detail["taskArn"], detail["lastStatus"], detail["desiredStatus"]) == (arn, "PENDING", "RUNNING")
        assert detail["containerInstanceArn"].endswith(instance)
        assert detail["createdAt"].endswith("Z")
        assert detail["quarterdeck"]["sequence"] == int(sequence)
        assert detail["quarterdeck"]["operation"] == "RunTask"
        assert detail["quarterdeck"]["event"]["type"] == "TaskPlaced"


async def test_what_ecs_does_not_publish_is_called_ours(server: Server) -> None:
    async with engine(server), outsider(server) as client:
        heard = await client.listen("qd.feed.>")
        await client.furnish()
        await until(lambda: len(heard) == 4)
        assert [json.loads(each.data)["detail-type"] for each in heard] == [
            "Quarterdeck ClusterCreated",
            "Quarterdeck TaskDefinitionRegistered",
            "ECS Container Instance State Change",
            "ECS Container Instance State Change",
        ]
        assert heard[1].subject == "qd.feed.us-east-1.000000000000.-.task_definition.job:1.TaskDefinitionRegistered"
        assert json.loads(heard[3].data)["detail"]["agentConnected"] is True


async def test_what_the_scheduler_did_to_a_service_is_told_in_one_message_after_its_events(server: Server) -> None:
    async with engine(server), outsider(server) as client:
        heard = await client.listen("qd.feed.>")
        await client.furnish()
        await client.call("CreateService", {"serviceName": "api", "taskDefinition": "job", "desiredCount": 2})
        await until(lambda: any(each.subject.endswith(".service.api.TasksStarted") for each in heard))
        assert ids(heard) == sorted(set(ids(heard)))
        (told,) = [each for each in heard if each.subject.endswith(".TasksStarted")]
        detail = json.loads(told.data)["detail"]
        placed = [each for each in heard[: heard.index(told)] if each.subject.endswith(".TaskPlaced")]
        assert detail["eventName"] == "TASKS_STARTED"
        assert detail["taskArns"] == [json.loads(each.data)["detail"]["taskArn"] for each in placed]
        assert len(placed) == 2


async def run_tasks(client: Outsider, count: int) -> None:
    for _ in range(count):
        await client.call("RunTask", {"taskDefinition": "job", "count": 10})


async def test_it_resumes_without_gap_or_repetition(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "SLICE_MESSAGES_MAX", 7)  # so that it stops in the middle of commits
    async with outsider(server) as client:
        heard = await client.listen("qd.feed.>")
        async with engine(server) as replica:
            await client.furnish()
            await run_tasks(client, 3)
        for _ in range(3):
            async with engine(server) as replica:
                await run_tasks(client, 5)
        async with engine(server) as replica:
            last = replica.keeper.sequence
            await run_tasks(client, 1)
            await until(lambda: heard and ids(heard)[-1][0] > last)
            await until(lambda: len(heard) == 4 + 20 * 19)
        assert ids(heard) == sorted(set(ids(heard)))


async def test_it_begins_anew_when_it_is_lost(server: Server) -> None:
    async with outsider(server) as client:
        heard = await client.listen("qd.feed.>")
        async with engine(server):
            await client.furnish()
            await until(lambda: len(heard) == 4)
            link = await connect(server.address(), "test")
            await link.client.request(f"$JS.API.STREAM.DELETE.{FEED_STREAM}", b"")
            await link.close()
            await run_tasks(client, 1)
            await until(lambda: len(heard) >= 4 + 4 + 20)
        assert ids(heard)[-24:] == sorted(set(ids(heard)))


async def test_another_engine_goes_on_with_it_where_memory_for_two_is_lacking(server: Server) -> None:
    async with outsider(server) as client:
        heard = await client.listen("qd.feed.>")
        for count in (4, 24):
            async with engine(server):
                link = await connect(server.address(), "test")
                lease = Lease(link, 0, "a")
                await lease.acquire()
                await (client.furnish() if count == 4 else run_tasks(client, 1))
                await until(lambda count=count: len(heard) == count)  # type: ignore[misc]
                await link.close()


async def test_a_strangers_message_does_not_stop_it(server: Server) -> None:
    async with outsider(server) as client:
        heard = await client.listen("qd.feed.*.*.web.task.>")
        async with engine(server):
            await client.furnish()
            link = await connect(server.address(), "test")
            await link.client.publish("qd.feed.stranger", b"?")
            await link.flush()
            await link.close()
            await run_tasks(client, 1)
            await until(lambda: len(heard) >= 20)


@pytest.mark.parametrize(
    ("name", "token"), [("service:web", "service:web"), ("a b.c*>\n", "a_b_c___"), ("", "-"), ("x" * 300, "x" * 255)]
)
def test_any_name_makes_a_token(name: str, token: str) -> None:
    assert safe(name) == token


async def test_an_event_too_long_with_its_description_goes_out_without_and_others_follow(server: Server) -> None:
    async with engine(server), outsider(server) as client:
        heard = await client.listen("qd.feed.>")
        await client.call("CreateCluster")
        lengthy = {"agentVersion": "v" * 600_000}
        await client.call("RegisterContainerInstance", {"totalResources": ROOM, "versionInfo": lengthy})
        await client.call("CreateCluster", cluster="later")
        await until(lambda: heard and ".later." in heard[-1].subject)
        (found,) = [json.loads(each.data)["detail"] for each in heard if ".container_instance." in each.subject]
        assert found["quarterdeck"]["event"]["versionInfo"] == lengthy
        assert "versionInfo" not in found
