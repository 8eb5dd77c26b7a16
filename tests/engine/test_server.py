"""Two replicas: one serves, the other takes over, nothing acknowledged is lost and nothing is done twice."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats.errors
import pytest
from nats.aio.msg import Msg

from quarterdeck.events.codec import unseal
from quarterdeck.events.log.server import Server
from quarterdeck.events.task import TaskRequested
from tests.engine.outside import Outsider, opened_log, outsider

pytestmark = [pytest.mark.nats, pytest.mark.slow]

PROGRAM = """
import asyncio, sys
from pathlib import Path
from quarterdeck.engine.replica import ReplicaSettings
from quarterdeck.engine.server import EngineSettings, run_engine
url, creds, monitor, node = sys.argv[1:]
settings = EngineSettings(
    url=url, creds=Path(creds), inbox_prefix="_QD_ENGINE", monitors=(monitor,),
    replica=ReplicaSettings(node=node, heartbeat_timeout=3600),
)
asyncio.run(run_engine(settings, lambda replica: print("serving", replica.keeper.epoch, flush=True)))
"""
TAKE_OVER_SECONDS_MAX = 30.0


class Engine:
    """A replica in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log = bytearray()

    async def serving(self) -> int:
        """Wait until it says that it serves; the epoch."""
        assert self.process.stdout is not None
        async with asyncio.timeout(TAKE_OVER_SECONDS_MAX):
            while line := await self.process.stdout.readline():
                self.log += line
                if line.startswith(b"serving "):
                    return int(line.split()[1])
        raise AssertionError(self.log.decode())

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end; the exit code."""
        async with asyncio.timeout(TAKE_OVER_SECONDS_MAX):
            assert self.process.stdout is not None
            self.log += await self.process.stdout.read()
            return await self.process.wait()


@asynccontextmanager
async def replica(server: Server, node: str) -> AsyncIterator[Engine]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, server.url, str(server.creds("engine")), server.monitor_url, node,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        yield Engine(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class Callers:
    """Clients that repeat each command with its id until they are answered."""

    def __init__(self, client: Outsider) -> None:
        self.client = client
        self.acknowledged: dict[str, str] = {}
        self.stop = False

    async def work(self, caller: int) -> None:
        number = 0
        while not self.stop:
            number += 1
            command = f"{caller}-{number}"
            answer = await self._insist(command)
            self.acknowledged[command] = json.loads(answer.data)["tasks"][0]["taskArn"].rsplit("/", 1)[1]

    async def _insist(self, command: str) -> Msg:
        while True:
            try:
                answer = await self.client.client.request(
                    "qd.cmd.us-east-1.000000000000.web.RunTask",
                    b'{"taskDefinition":"job"}',
                    timeout=1.0,
                    headers={"Qd-Command-Id": command},
                )
            except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
                await asyncio.sleep(0.05)
                continue
            code = (answer.headers or {}).get("Qd-Error")
            if code is None:
                return answer
            assert code == "ServerException", answer.data
            await asyncio.sleep(0.05)


async def tasks_by_command(server: Server) -> dict[str, list[str]]:
    """What the log says was carried out."""
    done: dict[str, list[str]] = {}
    async with opened_log(server) as log:
        async for batch in log.read():
            for record in batch:
                if record.kind == "commits":
                    for commit in unseal(record.payload, record.sequence, None).commits:
                        tasks = [each.task for each in commit.events if isinstance(each, TaskRequested)]
                        if tasks:
                            done.setdefault(commit.command, []).extend(tasks)
    return done


async def more(callers: Callers, count: int) -> None:
    """Wait until so many more are acknowledged."""
    wanted = len(callers.acknowledged) + count
    async with asyncio.timeout(TAKE_OVER_SECONDS_MAX):
        while len(callers.acknowledged) < wanted:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP])
async def test_another_takes_over_from_one_that_is_stopped_killed_or_paused(
    server: Server, end: signal.Signals
) -> None:
    async with replica(server, "first") as first, outsider(server) as client:
        epoch = await first.serving()
        await client.furnish()
        async with replica(server, "second") as second:
            callers = Callers(client)
            async with asyncio.TaskGroup() as group:
                for number in range(8):
                    group.create_task(callers.work(number), name=f"caller {number}")
                await more(callers, 50)
                first.send(end)
                assert await second.serving() > epoch
                await more(callers, 50)
                if end == signal.SIGSTOP:
                    first.send(signal.SIGCONT)
                    await more(callers, 50)
                callers.stop = True
            if end == signal.SIGTERM:
                assert await first.ended() == 0, first.log.decode()
                assert b"Traceback" not in first.log
            done = await tasks_by_command(server)
            assert all(len(tasks) == 1 for tasks in done.values())
            assert {command: [task] for command, task in callers.acknowledged.items()}.items() <= done.items()
            second.send(signal.SIGTERM)
            assert await second.ended() == 0, second.log.decode()
            assert b"Traceback" not in second.log


async def test_a_replica_outlives_a_server_that_restarts(server: Server) -> None:
    async with replica(server, "only") as only, outsider(server) as client:
        await only.serving()
        await client.furnish()
        callers = Callers(client)
        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(callers.work(number), name=f"caller {number}")
            await more(callers, 20)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await more(callers, 50)
            callers.stop = True
        done = await tasks_by_command(server)
        assert all(len(tasks) == 1 for tasks in done.values())
        assert {command: [task] for command, task in callers.acknowledged.items()}.items() <= done.items()
