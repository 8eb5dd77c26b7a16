"""The client over NATS: what is lost with a connection is asked again, and nothing is done twice."""

import asyncio
import os
import signal

import pytest

from quarterdeck.engine.caller import Unreachable
from quarterdeck.engine.remote import RemoteClient, connect
from quarterdeck.events.log.server import Server
from tests.engine.outside import engine, until

pytestmark = pytest.mark.nats

KILLS = 3
CALLERS = 8
ROOM = [{"name": "one", "image": "one", "memory": 16}]


async def test_a_server_that_is_killed_and_started_again_is_not_noticed_by_callers(server: Server) -> None:
    made: list[str] = []

    async def register(caller: int, client: RemoteClient) -> None:
        while server.restarts < KILLS:
            family = f"job-{caller}-{len(made)}"
            await client.register_task_definition(family=family, container_definitions=ROOM)
            made.append(f"{family}:1")

    async with engine(server), await connect(server.url, creds=server.creds("operator")) as client:
        async with asyncio.TaskGroup() as group:
            for number in range(CALLERS):
                group.create_task(register(number, client), name=f"caller {number}")
            for number in range(1, KILLS + 1):
                enough = len(made) + CALLERS
                await until(lambda enough=enough: len(made) > enough)  # type: ignore[misc]
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
                await until(lambda number=number: server.restarts == number)  # type: ignore[misc]
        registered: list[str] = []
        token = None
        while token is not None or not registered:
            page = await client.list_task_definitions(next_token=token)
            registered += [each.rsplit("/", 1)[1] for each in page.task_definition_arns or []]
            token = page.next_token
    assert sorted(registered) == sorted(made)


async def test_a_client_whose_server_does_not_come_back_says_so(server: Server) -> None:
    async with await connect(server.url, creds=server.creds("operator")) as client:
        await server.stop()
        with pytest.raises(Unreachable, match="connection"):
            await client.list_clusters()
