"""Commands over NATS, by a client that has nothing of ours."""

import asyncio
import json

import pytest
from nats.aio.msg import Msg

from quarterdeck.engine.doors.commands import DoorSettings
from quarterdeck.engine.doors.intake import Intake
from quarterdeck.engine.doors.reply import Reply
from quarterdeck.events.log.connect import connect
from quarterdeck.events.log.server import Server
from tests.engine.outside import SCOPE, engine, outsider, task_of

pytestmark = pytest.mark.nats

WEB = f"qd.cmd.{SCOPE}.web."
RUN = b'{"taskDefinition":"job"}'


async def test_a_stock_client_runs_a_task_and_reads_it_back(server: Server) -> None:
    async with engine(server) as replica, outsider(server) as client:
        await client.furnish()
        answer = await client.ask("RunTask", {"taskDefinition": "job"})
        assert answer.headers == {"Qd-Sequence": str(replica.keeper.sequence)}
        task = task_of(json.loads(answer.data))
        described = await client.call("DescribeTasks", {"tasks": [task]})
        assert described["tasks"][0]["lastStatus"] == "PENDING"


@pytest.mark.parametrize(
    ("subject", "payload", "code", "words"),
    [
        (WEB + "RunTask", b"{", "SerializationException", "RunTask"),
        (WEB + "RunTask", b"\xff\xfe", "SerializationException", "RunTask"),
        (WEB + "RunTask", b'{"taskDefinition":"\xff"}', "SerializationException", "RunTask"),
        (WEB + "RunTask", b"[]", "SerializationException", "RunTask"),
        (WEB + "RunTask", b"null", "SerializationException", "RunTask"),
        (WEB + "RunTask", b'"RunTask"', "SerializationException", "RunTask"),
        (WEB + "RunTask", b'{"count":"two"}', "SerializationException", "$.count"),
        (WEB + "RunTask", b'{"count":1e400}', "SerializationException", "RunTask"),
        (WEB + "RunTask", b'{"overrides":' * 3_000, "SerializationException", "RunTask"),
        (WEB + "RunTask", b"x" * 1_000_000, "SerializationException", "RunTask"),
        (WEB + "RunTask", b"", "ClientException", "TaskDefinition"),
        (WEB + "RunTask", b'{"cluster":"other"}', "InvalidParameterException", "cluster other"),
        (WEB + "RunTask", b'{"cluster":"arn:aws:ecs:a:b:cluster/c"}', "InvalidParameterException", "cluster/c"),
        (WEB + "CreateCluster", b'{"clusterName":"other"}', "InvalidParameterException", "cluster other"),
        (WEB + "ExplainPlacement", b"", "InvalidParameterException", "Say what to explain"),
        (WEB + "Dance", b"", "UnknownOperationException", "Dance"),
        (WEB + "runtask", b"", "UnknownOperationException", "runtask"),
        (
            WEB + "DeleteGateway",
            b'{"gateway":"a"}',
            "UnsupportedFeatureException",
            "DeleteGateway",
        ),
        (WEB + "CreateTaskSet", b'{"service":"a"}', "InvalidParameterException", "taskDefinition"),
        (f"qd.cmd.{SCOPE}.web", b"", "InvalidParameterException", "The subject must be"),
        ("qd.cmd.RunTask", b"", "InvalidParameterException", "The subject must be"),
        (WEB + "RunTask.more", b"", "InvalidParameterException", "The subject must be"),
        ("qd.cmd.moon.000000000000.web.RunTask", b"", "InvalidParameterException", "moon"),
        ("qd.cmd.us-east-1.12.web.RunTask", b"", "InvalidParameterException", "12 digits"),
        (f"qd.cmd.{SCOPE}.we$b.RunTask", b"", "InvalidParameterException", "we$b"),
        (f"qd.cmd.{SCOPE}.{'w' * 256}.RunTask", b"", "InvalidParameterException", "name of a cluster"),
        (f"qd.cmd.{SCOPE}.nowhere.RunTask", RUN, "ClusterNotFoundException", "Cluster not found."),
    ],
)
async def test_whatever_is_wrong_is_said(server: Server, subject: str, payload: bytes, code: str, words: str) -> None:
    async with engine(server), outsider(server) as client:
        await client.call("CreateCluster")
        answer = await client.raw(subject, payload)
        body = json.loads(answer.data)
        assert answer.headers is not None
        assert (body["__type"], answer.headers["Qd-Error"]) == (code, code)
        assert words in body["message"]
        assert int(answer.headers["Qd-Sequence"]) >= 1


async def test_a_body_without_cluster_means_the_subjects(server: Server) -> None:
    async with engine(server), outsider(server) as client:
        await client.call("CreateCluster", {}, "blue")
        await client.call("CreateCluster", {"clusterName": "green"}, "-")
        await client.call("CreateCluster", {}, "-")
        listed = await client.call("ListClusters", {}, "-")
        assert sorted(arn.rsplit("/")[-1] for arn in listed["clusterArns"]) == ["blue", "default", "green"]
        assert (await client.call("ListContainerInstances", {"cluster": "green"}, "-"))["containerInstanceArns"] == []


async def test_headers_without_a_body_are_an_empty_request(server: Server) -> None:
    async with engine(server), outsider(server) as client:
        answer = await client.raw(WEB + "ListClusters", b"", {"Qd-Command-Id": "1"})
        assert json.loads(answer.data) == {"clusterArns": []}


@pytest.mark.parametrize("header", ["Qd-Command-Id", "Nats-Msg-Id"])
async def test_a_command_id_used_again_gets_the_first_outcome(server: Server, header: str) -> None:
    async with engine(server), outsider(server) as client:
        await client.furnish()
        first, second = [await client.raw(WEB + "RunTask", RUN, {header: "a"}) for _ in range(2)]
        assert json.loads(first.data) == json.loads(second.data)
        assert first.headers == second.headers
        other = await client.raw(WEB + "RunTask", b'{"taskDefinition":"job","count":2}', {header: "a"})
        body = json.loads(other.data)
        assert body["__type"] == "ConflictException"
        assert body["resourceIds"] == [json.loads(first.data)["tasks"][0]["taskArn"]]


@pytest.mark.parametrize("header", ["x" * 256, "a\x07b"])
async def test_a_command_id_has_limits(server: Server, header: str) -> None:
    async with engine(server), outsider(server) as client:
        answer = await client.raw(WEB + "ListClusters", b"", {"Qd-Command-Id": header})
        assert json.loads(answer.data)["__type"] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("trust", "actor"), [(False, "arn:aws:iam::000000000000:root"), (True, "arn:aws:iam::000000000000:user/ann")]
)
async def test_an_actor_is_believed_only_where_that_was_allowed(server: Server, trust: bool, actor: str) -> None:
    async with engine(server, DoorSettings(trust_actor=trust)) as replica, outsider(server) as client:
        actors: list[str] = []
        replica.keeper.stored.append(lambda _, commits: actors.extend(commit.actor for commit in commits))
        await client.call("CreateCluster", Qd_Actor="arn:aws:iam::000000000000:user/ann")
        assert actors == [actor]


async def test_too_many_at_once_are_told_so_and_none_is_left_without_an_answer(server: Server) -> None:
    async with engine(server, DoorSettings(in_flight_max=4)) as replica, outsider(server) as client:
        await client.furnish()
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(client.ask("RunTask", {"taskDefinition": "job"})) for _ in range(200)]
        codes = [(each.result().headers or {}).get("Qd-Error", "") for each in asked]
        assert set(codes) == {"", "ThrottlingException"}
        assert codes.count("") >= 4
        assert json.loads(next(e.result().data for e in asked if "Qd-Error" in (e.result().headers or {}))) == {
            "__type": "ThrottlingException",
            "message": "Rate exceeded",
        }
        cluster = replica.keeper.view.namespaces["us-east-1/000000000000"].clusters["web"]
        assert len(cluster.tasks) == codes.count("")


@pytest.mark.parametrize("size", [2 << 20, (1 << 20) - 1])
async def test_an_answer_too_long_for_nats_says_so(server: Server, size: int) -> None:
    """The server counts headers as well, and ends the connection of who goes beyond."""

    async def answer(_: Msg) -> Reply:
        return Reply(b"x" * size, {"Qd-Sequence": "7"})

    link = await connect(server.address(), "doors")
    intake = Intake(link, "qd.cmd.>", answer, lambda: 7, 10)
    async with outsider(server) as client, asyncio.TaskGroup() as group:
        running = group.create_task(intake.run())
        await intake.listening.wait()
        said = await client.ask("DescribeTasks")
        assert (said.headers or {})["Qd-Sequence"] == "7"
        assert "more than NATS carries" in json.loads(said.data)["message"]
        running.cancel()
    await link.close()


async def test_our_own_mistake_is_an_answer_too(server: Server) -> None:
    async def answer(_: Msg) -> Reply:
        raise ZeroDivisionError("oh")

    link = await connect(server.address(), "doors")
    intake = Intake(link, "qd.cmd.>", answer, lambda: 7, 10)
    async with outsider(server) as client, asyncio.TaskGroup() as group:
        running = group.create_task(intake.run())
        await intake.listening.wait()
        for _ in range(20):
            said = json.loads((await client.ask("DescribeTasks")).data)
            assert said["__type"] == "ServerException"
            assert "ZeroDivisionError" in said["message"]
        running.cancel()
    await link.close()
