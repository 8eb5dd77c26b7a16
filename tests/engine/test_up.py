"""`up` runs everything with one command, ends everything with one signal, and mends what dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from quarterdeck.engine import running
from tests.engine.up_process import UpProcess, alive, until, until_now

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]

MakeUp = Callable[..., UpProcess]
ZONES = ["us-east-1a", "us-east-1a", "us-east-1b", "us-east-1b"]


def test_it_says_where_everything_is(make_up: MakeUp) -> None:
    up = make_up("--runtime", "simulated")
    told = up.start()
    assert up.process is not None
    assert up.process.stdout is not None
    line = up.process.stdout.readline()
    assert line == f"ready http={told.http} nats={told.nats} data={up.data} pid={up.process.pid}\n"
    assert json.loads(up.ready_file.read_text()) == {
        "http": told.http,
        "nats": told.nats,
        "nats_creds": str(up.data / "nats" / "creds" / "operator.creds"),
        "data": str(up.data),
        "pid": up.process.pid,
    }
    assert running.find(up.data) == told
    with urllib.request.urlopen(f"{told.http}/health") as answer:
        health = json.load(answer)
    assert health["status"] == "serving"
    assert health["epoch"] == 1


async def test_it_has_four_container_instances_in_two_zones_that_share_the_machine(make_up: MakeUp) -> None:
    up = make_up("--runtime", "simulated")
    up.start()
    async with up.client() as client:
        arns = (await client.list_container_instances()).container_instance_arns
        found = (await client.describe_container_instances(container_instances=arns)).container_instances or []
    zones = [each.value for one in found for each in one.attributes or [] if each.name == "ecs.availability-zone"]
    assert sorted(zone or "" for zone in zones) == ZONES
    assert {(each.status, each.agent_connected) for each in found} == {("ACTIVE", True)}
    cpu = [each.integer_value for one in found for each in one.registered_resources or [] if each.name == "CPU"]
    assert cpu == [len(os.sched_getaffinity(0)) * 1024 // 4] * 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_it_in_order(make_up: MakeUp, number: signal.Signals) -> None:
    up = make_up("--runtime", "simulated", "--instances", "2")
    up.start()
    children = list(up.children())
    assert len(children) == 4  # NATS, the nursery and its two agents
    assert up.stop(number) == 0
    assert not any(alive(pid) for pid in children)
    assert not up.ready_file.exists()
    with pytest.raises(running.NotRunning):
        running.find(up.data)


def test_a_killed_one_takes_its_children_with_it_and_another_finds_its_data(make_up: MakeUp) -> None:
    up = make_up("--runtime", "simulated", "--instances", "2")
    up.start()
    children = list(up.children())
    up.stop(signal.SIGKILL)
    until_now(lambda: not any(alive(pid) for pid in children))
    up.start()
    assert up.stop() == 0


async def test_an_agent_that_is_killed_is_started_again_as_the_same_instance(make_up: MakeUp) -> None:
    up = make_up("--runtime", "simulated", "--instances", "2")
    up.start()
    async with up.client() as client:
        before = (await client.list_container_instances()).container_instance_arns
        victim = up.agents()[0]
        os.kill(victim, signal.SIGKILL)

        async def again() -> bool:
            return len(up.agents()) == 2 and victim not in up.agents()

        async def connected() -> bool:
            found = await client.describe_container_instances(container_instances=before)
            return all(each.agent_connected for each in found.container_instances or [])

        await until(again)
        await until(connected)
        assert (await client.list_container_instances()).container_instance_arns == before


async def test_an_agent_that_is_told_to_end_stays_away(make_up: MakeUp) -> None:
    up = make_up("--runtime", "simulated", "--instances", "2")
    up.start()
    victim = up.agents()[0]
    os.kill(victim, signal.SIGTERM)
    async with up.client() as client:

        async def one_is_away() -> bool:
            arns = (await client.list_container_instances()).container_instance_arns
            found = await client.describe_container_instances(container_instances=arns)
            return sorted(bool(each.agent_connected) for each in found.container_instances or []) == [False, True]

        await until(one_is_away)
    until_now(lambda: not alive(victim))
    assert len(up.agents()) == 1


async def test_a_nats_server_that_is_killed_is_started_again_and_the_engine_recovers(make_up: MakeUp) -> None:
    up = make_up("--runtime", "simulated", "--instances", "1")
    up.start()
    async with up.client() as client:
        await client.create_cluster(cluster_name="before")
        os.kill(up.child("nats-server"), signal.SIGKILL)

        async def serves() -> bool:
            try:
                await client.create_cluster(cluster_name="after")
            except Exception:  # noqa: BLE001 - whatever a client may see meanwhile
                return False
            return True

        await until(serves, 40)
        names = {arn.rpartition("/")[2] for arn in (await client.list_clusters()).cluster_arns or []}
    assert names == {"default", "before", "after"}


def test_without_agents_there_is_an_engine_alone(make_up: MakeUp) -> None:
    up = make_up("--no-agents")
    up.start()
    assert len(up.children()) == 1
    assert up.stop() == 0


async def test_containers_go_on_when_it_ends_and_are_found_again(make_up: MakeUp) -> None:
    up = make_up("--runtime", "process", "--instances", "1")
    up.start()
    async with up.client() as client:
        task = await run_one(client)
        pid = pid_of(up.data)
        assert up.stop() == 0
    assert alive(pid)
    up.options = (*up.options, "--stop-tasks")
    up.start()
    async with up.client() as client:
        found = (await client.describe_tasks(tasks=[task])).tasks or []
        assert [each.last_status for each in found] == ["RUNNING"]
    assert up.stop() == 0
    until_now(lambda: not alive(pid))


async def run_one(client: object) -> str:
    """Run a task of one process that waits; its ARN."""
    from quarterdeck.engine.remote import RemoteClient

    assert isinstance(client, RemoteClient)
    container = {"name": "one", "image": "none", "command": ["sleep", "1000"], "memory": 16}
    await client.register_task_definition(family="one", container_definitions=[container])
    ran = await client.run_task(task_definition="one")
    arn = (ran.tasks or [])[0].task_arn or ""

    async def runs() -> bool:
        found = (await client.describe_tasks(tasks=[arn])).tasks or []
        return found[0].last_status == "RUNNING"

    await until(runs)
    return arn


def pid_of(data: Path) -> int:
    """The process id of the one container of the process runtime."""
    from quarterdeck.agents.runtimes.process.store import Store

    (directory,) = (data / "agents").glob("*/containers")
    store = Store(directory)
    pids = store.pids(store.ids()[0])
    assert pids is not None
    return pids.command_pid
