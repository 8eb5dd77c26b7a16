"""An agent on a real Docker Engine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import pytest_asyncio

from quarterdeck.agents import labels
from quarterdeck.agents.networks import ZONE
from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.docker.cgroup import ROOT
from quarterdeck.agents.runtimes.docker.runtime import SOCKET_PATH
from quarterdeck.agents.runtimes.port import Container
from quarterdeck.events import shapes
from tests import docker_engine
from tests.agents.nats_engine import NatsEngine, agent, link_to, served
from tests.agents.runtimes.cases import eventually
from tests.agents.world import INSTANCE, WORKER, container, definition

pytestmark = [pytest.mark.docker, pytest.mark.nats]
REPORT_SECONDS_MAX = 2.0
TEST_ZONE = f"us-test-{WORKER}z"
GONE_SECONDS_MAX = 20
MUST_BE_THERE = shapes.DockerVolumeConfiguration(scope="shared")


@pytest_asyncio.fixture
async def engine(nats_url: str) -> AsyncIterator[NatsEngine]:
    async with served(nats_url) as found:
        yield found
    sweeper = DockerRuntime()
    for each in await sweeper.list({labels.CONTAINER_INSTANCE: INSTANCE}):
        await sweeper.remove(each.id)
    await no_networks(sweeper)
    await sweeper.close()


@asynccontextmanager
async def running(
    url: str, engine: NatsEngine, data: Path, socket_path: str = SOCKET_PATH, **fields: Any
) -> AsyncIterator[None]:
    """An agent for as long as the block runs."""
    made = agent(await link_to(url, engine.namespace.region), DockerRuntime(socket_path), data, **fields)
    task = asyncio.get_running_loop().create_task(made.run(), name="the agent")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def forever(image: str, **fields: Any) -> shapes.TaskDefinition:
    return definition(container("app", image, command=["sleep", "1000"], **fields))


def a_task() -> str:
    return os.urandom(16).hex()


async def found() -> list[Container]:
    runtime = DockerRuntime()
    try:
        return await runtime.list({labels.CONTAINER_INSTANCE: INSTANCE})
    finally:
        await runtime.close()


async def test_a_container_killed_by_somebody_else_is_reported_soon(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path
) -> None:
    name = a_task()
    async with running(nats_url, engine, tmp_path):
        engine.engine.place(name, definition=forever(busybox_image))
        await eventually(lambda: engine.engine.told(name) == ["RUNNING"])
        (held,) = await found()
        killed = time.monotonic()
        docker_engine.request("POST", f"/containers/{held.id}/kill")
        await eventually(lambda: engine.engine.told(name) == ["RUNNING", "STOPPING", "STOPPED"])
        assert time.monotonic() - killed < REPORT_SECONDS_MAX
        (change,) = engine.engine.last(name).containers or []
        assert (change.exit_code, change.runtime_id) == (137, held.id)


async def test_an_agent_that_was_killed_comes_back_to_the_same_containers(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path
) -> None:
    names = [a_task(), a_task()]
    region, socket_path = engine.namespace.region, docker_engine.socket_path()
    arguments = [sys.executable, "-m", "tests.agents.nats_engine", nats_url, region, str(tmp_path), socket_path]
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.DEVNULL)
    engine.engine.place(*names, definition=forever(busybox_image))
    await eventually(lambda: all(engine.engine.told(name) == ["RUNNING"] for name in names))
    before = await found()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    docker_engine.request("POST", f"/containers/{before[0].id}/kill")
    lost = before[0].labels[labels.TASK_ARN].rpartition("/")[2]
    async with running(nats_url, engine, tmp_path):
        await eventually(lambda: engine.engine.told(lost)[-1] == "STOPPED")
        assert engine.engine.registrations[-1].container_instance_arn is not None
        after = await found()
    assert {each.id for each in after if each.state == "running"} == {before[1].id}
    assert {each.id for each in after} <= {each.id for each in before}


async def test_a_task_has_its_volume_ports_and_name_and_leaves_nothing(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path
) -> None:
    name = a_task()
    wanted = definition(
        container(
            "app",
            busybox_image,
            command=["sleep", "1000"],
            port_mappings=[shapes.PortMapping(container_port=80, host_port=0, protocol="tcp")],
            mount_points=[shapes.MountPoint(source_volume="scratch", container_path="/scratch")],
        ),
        volumes=[shapes.Volume(name="scratch")],
    )
    async with running(nats_url, engine, tmp_path):
        engine.engine.place(name, definition=wanted)
        await eventually(lambda: engine.engine.told(name) == ["RUNNING"])
        (change,) = engine.engine.last(name).containers or []
        assert [each.container_port for each in change.network_bindings or []] == [80]
        (held,) = await found()
        assert held.name == f"ecs-web-1-app-{name[:12]}"
        assert volume(name) == 200
        engine.engine.stop(name)
        await eventually(lambda: engine.engine.told(name) == ["RUNNING", "STOPPED"])
        await eventually(lambda: volume(name) == 404)
        assert await found() == []


def volume(name: str) -> int:
    return docker_engine.request("GET", f"/volumes/ecs-web-1-scratch-{name[:12]}")[0]


def left_of(names: dict[str, str]) -> list[str]:
    """Containers, volumes, networks and cgroups that are there of these tasks."""
    asked = {"/containers/json?all=1": "", "/volumes": "Volumes", "/networks": ""}
    told = [docker_engine.request("GET", path)[1].decode() for path in asked]
    cgroups = " ".join(str(path) for path in ROOT.glob("*/ecs/*"))
    return [kind for kind, name in names.items() if any(name[:12] in each for each in (*told, cgroups))]


async def test_tasks_that_run_and_tasks_that_fail_leave_nothing(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path
) -> None:
    def asks(**fields: Any) -> shapes.ContainerDefinition:
        mounts = [shapes.MountPoint(source_volume="scratch", container_path="/scratch")]
        return container("app", busybox_image, **{"command": ["sleep", "1000"], "mount_points": mounts, **fields})

    scratch, theirs = shapes.Volume(name="scratch"), shapes.Volume(name="x", docker_volume_configuration=MUST_BE_THERE)
    nowhere = [shapes.MountPoint(source_volume="x", container_path="/x")]
    wants = [shapes.ContainerDependency(container_name="first", condition="SUCCESS")]
    first = container("first", busybox_image, command=["sh", "-c", "exit 4"], essential=False)
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = shapes.PortMapping(container_port=80, host_port=taken.getsockname()[1])
        kinds = {
            "runs": asks(),
            "ends": asks(command=["sh", "-c", "exit 3"]),
            "no command": asks(command=["no-such-command"]),
            "port": asks(port_mappings=[port]),
            "volume": asks(mount_points=nowhere),
            "user": asks(user="no-such-user"),
            "dependency": asks(depends_on=wants),
        }
        names = {kind: a_task() for kind in kinds}
        async with running(nats_url, engine, tmp_path):
            for kind, asked in kinds.items():
                wanted = definition(asked, first, volumes=[scratch, theirs], memory="64")
                engine.engine.place(names[kind], definition=wanted)
            await eventually(lambda: engine.engine.told(names["runs"]))
            assert "runs" in left_of(names)
            engine.engine.stop(names["runs"])
            await eventually(lambda: all("STOPPED" in engine.engine.told(name) for name in names.values()))
            await eventually(lambda: left_of(names) == [])
    reasons = {kind: engine.engine.last(name).reason or "" for kind, name in names.items()}
    prefixes = {kind: reason.partition(":")[0] for kind, reason in reasons.items()}
    assert prefixes == {
        "runs": "",
        "ends": "Essential container in task exited",
        "no command": "CannotStartContainerError",
        "port": "CannotStartContainerError",
        "volume": "CannotCreateVolumeError",
        "user": "CannotStartContainerError",
        "dependency": "TaskDependencyError",
    }
    assert "address already in use" in reasons["port"]
    assert "executable file not found" in reasons["no command"]
    assert "unable to find user" in reasons["user"]


async def test_a_container_that_needs_another_healthy_waits_for_it_and_stops_before_it(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path
) -> None:
    def obeys(says: str, **fields: Any) -> shapes.ContainerDefinition:
        script = f"trap 'echo {says} >> /order/log; exit 0' TERM; while :; do sleep 0.05; done"
        mounts = [shapes.MountPoint(source_volume="order", container_path="/order")]
        return container(says, busybox_image, command=["sh", "-c", script], mount_points=mounts, **fields)

    order = tmp_path / "order"
    volume = shapes.Volume(name="order", host=shapes.HostVolumeProperties(source_path=str(order)))
    check = shapes.HealthCheck(command=["CMD-SHELL", "test -e /tmp/ok || { touch /tmp/ok; exit 1; }"], interval=1)
    wants = [shapes.ContainerDependency(container_name="db", condition="HEALTHY")]
    name = a_task()
    async with running(nats_url, engine, tmp_path / "agent"):
        wanted = definition(obeys("app", depends_on=wants), obeys("db", health_check=check), volumes=[volume])
        engine.engine.place(name, definition=wanted)
        await eventually(lambda: engine.engine.told(name) == ["RUNNING"])
        changes = {each.container_name: each for each in engine.engine.last(name).containers or []}
        assert (changes["db"].health_status, changes["app"].health_status) == ("HEALTHY", None)
        mine = [each for each in await found() if each.labels[labels.TASK_ARN].endswith(name)]
        held = {each.labels[labels.CONTAINER_NAME]: each for each in mine}
        assert (held["app"].started_at or 0) - (held["db"].started_at or 0) > 2.0, "the second check passed"
        engine.engine.stop(name)
        await eventually(lambda: engine.engine.told(name)[-1] == "STOPPED")
    assert (order / "log").read_text() == "app\ndb\n"


async def test_a_container_with_a_restart_policy_runs_again_and_stays_the_same(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path
) -> None:
    policy = shapes.ContainerRestartPolicy(enabled=True, ignored_exit_codes=[5], restart_attempt_period=0)
    script = "echo x >> /tmp/runs; sleep 0.2; [ $(wc -l < /tmp/runs) -lt 3 ] || exit 5; exit 3"
    app = container("app", busybox_image, command=["sh", "-c", script], restart_policy=policy)
    name = a_task()
    async with running(nats_url, engine, tmp_path):
        engine.engine.place(name, definition=definition(app))
        await eventually(lambda: "STOPPED" in engine.engine.told(name))
    reports = [each for each in engine.engine.reports if (each.task or "").endswith(name)]
    changes = [(each.containers or [])[0] for each in reports]
    assert [each.restart_count for each in changes] == [None, 1, 2, 2]
    assert len({each.runtime_id for each in changes}) == 1
    assert changes[-1].exit_code == 5
    assert engine.engine.last(name).reason == "Essential container in task exited"


@pytest.mark.parametrize("mode", ["bridge", "host"])
async def test_a_container_reads_its_task_metadata_from_inside(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path, mode: str
) -> None:
    """Bridged by the bridge's gateway, in the host's network by loopback."""
    read = 'echo "$(wget -q -O - "$ECS_CONTAINER_METADATA_URI_V4/task")"; sleep 1000'
    name = a_task()
    wanted = definition(container("app", busybox_image, command=["sh", "-c", read]), network_mode=mode)
    async with running(nats_url, engine, tmp_path, endpoints=True):
        engine.engine.place(name, definition=wanted)
        await eventually(lambda: engine.engine.told(name) == ["RUNNING"])
        (held,) = await found()
        await eventually(lambda: b"KnownStatus" in output(held.id))
        told = msgspec.json.decode(output(held.id)[8:])
        assert told["TaskARN"].endswith(f"/{name}")
        assert [each["DockerId"] for each in told["Containers"]] == [held.id]


def output(container_id: str) -> bytes:
    """What it wrote to stdout, behind the 8 bytes of a frame's head."""
    return docker_engine.request("GET", f"/containers/{container_id}/logs?stdout=1")[1]


async def no_networks(runtime: DockerRuntime) -> None:
    """Wait until all can be removed: Docker lets go of a network a moment after its container has ended."""
    async with asyncio.timeout(GONE_SECONDS_MAX):
        while networks():
            await runtime.networks.remove_unused({ZONE: TEST_ZONE})
            await asyncio.sleep(0.05)


def networks() -> set[str]:
    filters = quote(json.dumps({"label": [f"{ZONE}={TEST_ZONE}"]}))
    return {each["Name"] for each in json.loads(docker_engine.request("GET", f"/networks?filters={filters}")[1])}


async def test_tasks_with_networks_of_their_own_have_addresses_and_the_same_port_twice(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path
) -> None:
    serve = ["sh", "-c", "mkdir /w; echo hello > /w/index.html; httpd -f -p 80 -h /w"]
    served = "until wget -q -O - http://127.0.0.1:80/; do sleep 0.1; done"
    read = f'echo "$({served}; wget -q -O - "$ECS_CONTAINER_METADATA_URI_V4")"; sleep 1000'
    port = shapes.PortMapping(container_port=80, host_port=80)
    wanted = definition(
        container("web", busybox_image, command=serve, port_mappings=[port]),
        container("reader", busybox_image, command=["sh", "-c", read]),
        network_mode="awsvpc",
    )
    subnets = shapes.AwsVpcConfiguration(subnets=["subnet-test"])
    configuration = shapes.NetworkConfiguration(awsvpc_configuration=subnets)
    names = [a_task(), a_task()]
    ranges = {"subnet-test": "10.213.47.0/24"}
    async with running(nats_url, engine, tmp_path, endpoints=True, zone=TEST_ZONE, subnets=ranges):
        engine.engine.place(*names, definition=wanted, network_configuration=configuration)
        await eventually(lambda: all(engine.engine.told(name) == ["RUNNING"] for name in names))
        told = [engine.engine.last(name) for name in names]
        addresses = {each.private_ipv4_address or "" for each in told}
        assert len(addresses) == 2
        assert all(each.startswith("10.213.47.") for each in addresses)
        assert {each.subnet_id for each in told} == {"subnet-test"}
        readers = [each for each in await found() if each.labels[labels.CONTAINER_NAME] == "reader"]
        await eventually(lambda: all(b'"NetworkMode":"awsvpc"' in output(each.id) for each in readers))
        assert all(output(each.id)[8:].startswith(b"hello\n") for each in readers)
        assert networks() == {f"quarterdeck-{TEST_ZONE}-subnet-test"}
        for name in names:
            engine.engine.stop(name)
        await eventually(lambda: all(engine.engine.told(name)[-1] == "STOPPED" for name in names))
