"""kill -9 of anything during a scale-up: nothing acknowledged is lost, the service settles, nothing runs twice.

Containers are host processes here, which outlive the agents that started them: that nothing runs twice is looked up in
the process table. With simulated containers, which die with their agent, it is that each is replaced once.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from quarterdeck.agents.runtimes.process.store import Store
from quarterdeck.engine.caller import Unreachable
from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.remote import ANSWER_SECONDS_MAX, RemoteClient
from quarterdeck.events.names import short_name
from quarterdeck.events.task import TaskRequested, TaskStarted, TaskStopped
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from tests.engine.up_process import UpProcess, alive, until

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(240)]

MakeUp = Callable[..., UpProcess]
TASKS = 100
PROCESSES = 24
SETTLE_SECONDS_MAX = 100
QUIET_SECONDS = 2.0
WITNESS_SECONDS_MAX = 2 * ANSWER_SECONDS_MAX
"""An answer may be lost with the server; the client waits for one that long before it says so."""


@pytest.fixture(autouse=True)
def forgotten_sockets() -> Iterator[None]:
    """Collect, without a word, what nats-py leaves behind of connections that are closed while they reconnect."""
    yield
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


class Witness:
    """Gives commands for as long as it is asked to, and remembers what was acknowledged, at which position."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, int] = {}
        self.given = 0

    async def testify(self, up: UpProcess) -> None:
        while True:
            try:
                async with up.client() as client:
                    while True:
                        await self._once(client)
            except (Unreachable, Refusal, OSError):
                await asyncio.sleep(0.05)

    async def _once(self, client: RemoteClient) -> None:
        self.given += 1
        container = {"name": "one", "image": "one", "memory": 16}
        answer = await client.register_task_definition(
            family=f"witness-{self.given}", container_definitions=[container]
        )
        assert answer.task_definition is not None
        self.acknowledged[short_name(answer.task_definition.task_definition_arn or "")] = client.sequence


def kill_up(up: UpProcess) -> None:
    up.stop(signal.SIGKILL)
    up.start()


def kill_agent(up: UpProcess) -> None:
    os.kill(up.agents()[0], signal.SIGKILL)


def kill_nats_server(up: UpProcess) -> None:
    os.kill(up.child("nats-server"), signal.SIGKILL)


VICTIMS = pytest.mark.parametrize("kill", [kill_up, kill_agent, kill_nats_server])


@VICTIMS
async def test_a_hundred_simulated_tasks_settle(make_up: MakeUp, kill: Callable[[UpProcess], None]) -> None:
    up = make_up("--runtime", "simulated", "--lost-after", "2")
    await scale_up_and(up, kill, TASKS)
    await check_the_log(up, TASKS)


@VICTIMS
async def test_real_processes_settle_and_none_runs_twice(make_up: MakeUp, kill: Callable[[UpProcess], None]) -> None:
    up = make_up("--runtime", "process", "--instances", "2", "--stop-tasks")
    await scale_up_and(up, kill, PROCESSES)
    tasks = await check_the_log(up, PROCESSES)
    running = Counter(processes(up.data))
    assert set(running) == tasks
    assert set(running.values()) == {1}


async def scale_up_and(up: UpProcess, kill: Callable[[UpProcess], None], count: int) -> None:
    """Create a service, kill in the middle of its scale-up, wait until it has settled; a witness sees nothing lost."""
    up.start()
    witness = Witness()
    async with asyncio.TaskGroup() as group:
        testifying = group.create_task(witness.testify(up), name="witness")
        async with up.client() as client:
            container = {"name": "web", "image": "web", "command": ["sleep", "1000"], "memory": 16}
            await client.register_task_definition(family="web", container_definitions=[container])
            await client.create_service(service_name="web", task_definition="web", desired_count=count)
            await until(lambda: some_run(client, count // 5))
        await asyncio.to_thread(kill, up)
        await until(lambda: settled(up, count), SETTLE_SECONDS_MAX)
        await until(lambda: asyncio.sleep(0, len(witness.acknowledged) > 10), WITNESS_SECONDS_MAX)
        testifying.cancel()
    registered: dict[str, int] = {}
    async with up.client(engine=True) as client, aclosing(client.follow(follow=False)) as commits:
        async for commit in commits:
            for event in commit.events:
                if isinstance(event, TaskDefinitionRegistered):
                    registered[f"{event.family}:{event.revision}"] = commit.sequence
    missing = {name: at for name, at in witness.acknowledged.items() if registered.get(name, at + 1) > at}
    assert missing == {}, f"of {len(witness.acknowledged)} acknowledged"


async def some_run(client: RemoteClient, count: int) -> bool:
    found = (await client.describe_services(services=["web"])).services or []
    return (found[0].running_count or 0) >= count


async def settled(up: UpProcess, count: int) -> bool:
    """Whether as many run as are desired, and go on doing so."""
    try:
        async with up.client() as client:
            for _ in range(2):
                found = (await client.describe_services(services=["web"])).services or []
                if (found[0].running_count, found[0].pending_count) != (count, 0):
                    return False
                await asyncio.sleep(QUIET_SECONDS)
    except (Unreachable, Refusal):
        return False
    return True


async def check_the_log(up: UpProcess, count: int) -> set[str]:
    """Each task started and stopped at most once, those that run come to be the count; gives those.

    Right after a restart the log may have as many RUNNING as an agent, not back yet, will tell have ended with it.
    """
    running: set[str] = set()

    async def is_so() -> bool:
        nonlocal running
        wanted, started, stopped = await lives(up)
        assert max(started.values()) == 1
        assert set(stopped.values()) <= {1}
        running = wanted - set(stopped)
        return len(running) == count and running <= set(started)

    await until(is_so, SETTLE_SECONDS_MAX)
    return running


async def lives(up: UpProcess) -> tuple[set[str], Counter[str], Counter[str]]:
    """Which tasks the log has: all, and how often each started and stopped."""
    wanted: set[str] = set()
    started: Counter[str] = Counter()
    stopped: Counter[str] = Counter()
    async with up.client(engine=True) as client, aclosing(client.follow(follow=False)) as commits:
        async for commit in commits:
            wanted |= {each.task for each in commit.events if isinstance(each, TaskRequested)}
            started.update(each.task for each in commit.events if isinstance(each, TaskStarted))
            stopped.update(each.task for each in commit.events if isinstance(each, TaskStopped))
    return wanted, started, stopped


def processes(data: Path) -> list[str]:
    """The task of each container's process that runs."""
    found: list[str] = []
    for directory in (data / "agents").glob("*/containers"):
        store = Store(directory)
        for container in store.ids():
            pids = store.pids(container)
            if pids is not None and alive(pids.command_pid):
                found.append(short_name(store.spec(container).labels["com.amazonaws.ecs.task-arn"]))
    return found
