"""An agent on a real Docker Engine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from quarterdeck.agents import labels
from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.port import Container
from quarterdeck.events import shapes
from tests import docker_engine
from tests.agents.nats_engine import NatsEngine, agent, link_to, served
from tests.agents.runtimes.cases import eventually
from tests.agents.world import INSTANCE, container, definition

pytestmark = [pytest.mark.docker, pytest.mark.nats]
REPORT_SECONDS_MAX = 2.0


@pytest_asyncio.fixture
async def engine(nats_url: str) -> AsyncIterator[NatsEngine]:
    async with served(nats_url) as found:
        yield found
    sweeper = DockerRuntime()
    for each in await sweeper.list({labels.CONTAINER_INSTANCE: INSTANCE}):
        await sweeper.remove(each.id)
    await sweeper.close()


@asynccontextmanager
async def running(url: str, engine: NatsEngine, data: Path, **fields: Any) -> AsyncIterator[None]:
    """An agent for as long as the block runs."""
    made = agent(await link_to(url, engine.namespace.region), DockerRuntime(), data, **fields)
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
        await eventually(lambda: engine.engine.told(name) == ["RUNNING", "STOPPED"])
        assert time.monotonic() - killed < REPORT_SECONDS_MAX
        (change,) = engine.engine.last(name).containers or []
        assert (change.exit_code, change.runtime_id) == (137, held.id)


async def test_an_agent_that_was_killed_comes_back_to_the_same_containers(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path
) -> None:
    names = [a_task(), a_task()]
    arguments = [sys.executable, "-m", "tests.agents.nats_engine", nats_url, engine.namespace.region, str(tmp_path)]
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
