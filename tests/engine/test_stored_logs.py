"""Logs in JetStream's object store: read with an operator's credentials when agent and instance are gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.runtimes.simulated import Behaviour
from quarterdeck.agents.runtimes.simulated.behaviour import Said
from quarterdeck.engine import task_logs
from quarterdeck.engine.core.errors import ServerException
from quarterdeck.engine.remote import RemoteClient, connect
from quarterdeck.events.log.server import Server
from quarterdeck.events.names import Namespace
from quarterdeck.events.stored_log import BUCKET, stored_name
from tests.engine.outside import CONTAINER, SCOPE, Outsider, agent_on, engine, outsider, run_soon, until

pytestmark = pytest.mark.nats


def talks(spec: ContainerSpec) -> Behaviour:
    """The image ``job`` ends, all others go on."""
    said = (Said("one"), Said("two", "stderr", 0.05))
    return Behaviour(says=said, run_seconds=0.1 if spec.image == "job" else None)


async def furnish(client: Outsider) -> None:
    await client.call("CreateCluster")
    for family in ("app", "job"):
        containers = [{**CONTAINER, "image": family}]
        await client.call("RegisterTaskDefinition", {"family": family, "containerDefinitions": containers}, "-")


async def lines(client: RemoteClient, task: str) -> list[tuple[str, str]]:
    async with asyncio.timeout(20):
        return [(line.stream, line.text) async for line in client.logs(cluster="web", task=task)]


async def stored(client: RemoteClient, task: str) -> bool:
    return await client.stored_log(task, "app") is not None


async def test_logs_are_read_when_the_instance_was_deregistered_and_its_agent_is_gone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_logs, "AGAIN_SECONDS", 0.01)
    async with engine(server), outsider(server) as client:
        await furnish(client)
        agent = await agent_on(server, tmp_path / "agent", talks)
        running = asyncio.create_task(agent.run())  # noqa: TID251 - it ends in this test
        reader = await connect(server.url, creds=server.creds("operator"))
        job, app = [await run_soon(client, family) for family in ("job", "app")]
        async with asyncio.timeout(10):
            while not all([await stored(reader, arn) for arn in (job, app)]):
                await asyncio.sleep(0.02)
        (instance,) = (await client.call("ListContainerInstances"))["containerInstanceArns"]
        await client.call("DeregisterContainerInstance", {"containerInstance": instance, "force": True})
        assert await asyncio.wait_for(running, 10) == "deregistered"
        both = [("stdout", "one"), ("stderr", "two")]
        assert await lines(reader, job) == both
        assert (await lines(reader, app))[0] == both[0]
        await reader.close()


async def test_what_was_never_stored_is_on_its_instance(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_logs, "AGAIN_SECONDS", 0.01)
    async with engine(server), outsider(server) as client:
        await furnish(client)
        agent = await agent_on(server, tmp_path / "agent", lambda _: Behaviour())
        running = asyncio.create_task(agent.run())  # noqa: TID251 - it ends in this test
        app = await run_soon(client, "app")
        await until(lambda: agent.tasks is not None and agent.tasks.by_id)
        agent.stop()
        await asyncio.wait_for(running, 10)
        reader = await connect(server.url, creds=server.creds("operator"))
        with pytest.raises(ServerException, match="whose agent does not answer"):
            await lines(reader, app)
        await reader.close()


async def test_an_operator_reads_stored_logs_and_can_not_write_them(server: Server) -> None:
    async with outsider(server) as client:
        refused: list[str] = []

        async def note(error: Exception) -> None:
            refused.append(str(error))

        client.client._error_cb = note
        await client.client.publish(f"$O.{BUCKET}.C.x", b"")
        await client.client.publish(f"$JS.API.STREAM.DELETE.OBJ_{BUCKET}", b"")
        await until(lambda: len(refused) == 2)
        assert all("permissions violation" in each for each in refused)
    namespace = Namespace.parse(SCOPE.replace(".", "/"))
    assert stored_name(namespace, "t", "c") == "us-east-1/000000000000/t/c.log.gz"
