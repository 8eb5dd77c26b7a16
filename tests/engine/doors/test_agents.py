"""Agents over NATS: what they ask and what they are told."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from quarterdeck.agents.registration import RegistrationRefused
from quarterdeck.events.log.server import Server
from tests.engine.outside import CONTAINER, SCOPE, agent_on, engine, outsider, run_soon, task_of, until

pytestmark = pytest.mark.nats


async def test_an_agent_lists_what_is_wanted_and_follows_changes(server: Server) -> None:
    async with engine(server), outsider(server) as client, outsider(server, "agent") as agent:
        instance = await client.furnish()
        changes = await agent.listen(f"qd.want.{SCOPE}.web.{instance}")
        listing = json.loads((await agent.raw(f"qd.agent.{SCOPE}.web.{instance}.wanted", b"")).data)
        assert (listing["status"], listing.get("tasks", [])) == ("ACTIVE", [])
        answer = await client.ask("RunTask", {"taskDefinition": "job"})
        task = task_of(json.loads(answer.data))
        await until(lambda: changes)
        change = json.loads(changes[0].data)
        assert [each["task"] for each in change["tasks"]] == [task]
        assert change["definitions"]["job:1"]["family"] == "job"
        assert change["sequence"] == int((answer.headers or {})["Qd-Sequence"])
        assert (await agent.beat(instance))["sequence"] == change["sequence"]
        await client.call("StopTask", {"task": task})
        await until(lambda: len(changes) == 2)
        stopped = json.loads(changes[1].data)
        assert stopped["previous"] == change["sequence"]
        assert [(each["task"], each["desiredStatus"]) for each in stopped["tasks"]] == [(task, "STOPPED")]


async def test_an_agent_that_leaves_is_disconnected(server: Server) -> None:
    async with engine(server) as replica, outsider(server) as client, outsider(server, "agent") as agent:
        instance = await client.furnish()
        state = replica.keeper.view.namespaces["us-east-1/000000000000"].clusters["web"].instances[instance]
        assert state.connected
        await agent.beat(instance, leaving=True)
        assert not state.connected


async def test_of_two_agents_on_one_identity_only_one_is_the_instance(server: Server, tmp_path: Path) -> None:
    """A data directory copied to a second host while its agent runs, and again when that one has fallen silent."""
    async with engine(server), outsider(server) as client:
        await client.call("CreateCluster")
        first = await agent_on(server, tmp_path / "first")
        async with asyncio.TaskGroup() as group:
            one = group.create_task(first.run())
            await until(lambda: first.tasks is not None)
            assert first.tasks is not None
            await client.call("RegisterTaskDefinition", {"family": "job", "containerDefinitions": [CONTAINER]}, "-")
            task = await run_soon(client, "job")
            await until(lambda: first.tasks is not None and first.tasks.by_id.get(task))
            shutil.copytree(tmp_path / "first", tmp_path / "second")
            with pytest.raises(RegistrationRefused, match="in use by another agent, which is connected"):
                await (await agent_on(server, tmp_path / "second")).run()
            assert not one.done()
            first.stop()
            assert await one == "stopped"
            second = await agent_on(server, tmp_path / "second")
            two = group.create_task(second.run())
            await until(lambda: second.tasks is not None)
            (answer,) = (await client.call("ListContainerInstances"))["containerInstanceArns"]
            async with outsider(server, "agent") as late:
                heard = await late.beat(answer.rsplit("/", 1)[1], "i-1.1.first")
            assert heard["session"].startswith("i-")
            second.stop()
            assert await two == "stopped"


async def test_an_instance_nobody_knows_is_told_that_it_is_inactive(server: Server) -> None:
    async with engine(server), outsider(server, "agent") as agent:
        assert (await agent.beat("f" * 32))["status"] == "INACTIVE"
        listing = await agent.raw(f"qd.agent.{SCOPE}.web.{'f' * 32}.wanted", b"")
        assert json.loads(listing.data)["status"] == "INACTIVE"


@pytest.mark.parametrize(
    ("subject", "payload", "code"),
    [
        (f"qd.agent.{SCOPE}.web.i.heartbeat", b"{}", "SerializationException"),
        (f"qd.agent.{SCOPE}.web.i.heartbeat", b"\xff", "SerializationException"),
        (f"qd.agent.{SCOPE}.web.i.sing", b"", "InvalidParameterException"),
        ("qd.agent.web.i.wanted", b"", "InvalidParameterException"),
    ],
)
async def test_what_an_agent_says_wrong_is_said(server: Server, subject: str, payload: bytes, code: str) -> None:
    async with engine(server), outsider(server, "agent") as agent:
        answer = await agent.raw(subject, payload)
        assert (answer.headers or {})["Qd-Error"] == code
        assert json.loads(answer.data)["__type"] == code
