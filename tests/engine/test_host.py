"""An agent's life on its host, and what an `up` with --stop-tasks leaves of its instances."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest

from quarterdeck.agents import labels
from quarterdeck.agents.identity import FILE, Identity
from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.docker.cgroup import ROOT
from quarterdeck.agents.runtimes.port import ContainerSpec, Mount, TaskBounds
from quarterdeck.engine.host import STOPPED, remove_containers, run_agent
from quarterdeck.engine.settings import Settings
from tests import docker_engine


@pytest.mark.docker
async def test_the_containers_of_an_instance_go_with_volumes_and_cgroups_of_their_tasks(
    tmp_path: Path, busybox_image: str
) -> None:
    instance = os.urandom(16).hex()
    identity = Identity(cluster="c", instance_type="t", instance_id="i", container_instance_arn=f"arn/{instance}")
    (tmp_path / FILE).write_bytes(msgspec.json.encode(identity))
    volume = f"qdtest-{instance[:12]}"
    spec = ContainerSpec(
        name=f"qdtest-{instance}",
        image=busybox_image,
        command=("sleep", "1000"),
        labels={labels.CONTAINER_INSTANCE: instance, labels.TASK_VOLUMES: volume},
        mounts=(Mount(volume, "/scratch", kind="volume"),),
        bounds=TaskBounds(instance, memory_mib=64),
    )
    runtime = DockerRuntime(docker_engine.socket_path())
    await runtime.info()
    await runtime.start(await runtime.create(spec))
    await runtime.close()
    assert docker_engine.request("GET", f"/volumes/{volume}")[0] == 200
    assert await remove_containers("docker", tmp_path, docker_engine.socket_path()) == 1
    assert docker_engine.request("GET", f"/containers/{spec.name}/json")[0] == 404
    assert docker_engine.request("GET", f"/volumes/{volume}")[0] == 404
    assert not (ROOT / "memory/ecs" / instance).exists()


async def test_a_directory_without_an_identity_has_nothing_to_remove(tmp_path: Path) -> None:
    assert await remove_containers("docker", tmp_path, "/no-such-socket") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_at_once_an_agent_whose_engine_does_not_answer(
    tmp_path: Path, number: signal.Signals
) -> None:
    called = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        settings = Settings(data=tmp_path, nats=url, runtime="simulated")
        running = group.create_task(run_agent(settings), name="agent")
        await called.wait()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(1):  # a try to connect takes longer
            assert await running == STOPPED
    asyncio.get_running_loop().remove_signal_handler(number)
    server.close()


async def test_a_signal_that_comes_while_an_agent_connects_ends_it(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"s","version":"2.15.0","max_payload":1048576,"headers":true}\r\n')
        while line := await reader.readline():
            if line.startswith(b"PING"):
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.sleep(0)  # the signal is seen before the answer
                writer.write(b"PONG\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = Settings(data=tmp_path, nats=f"nats://127.0.0.1:{port}", runtime="simulated")
        async with asyncio.timeout(5):
            assert await run_agent(settings) == STOPPED
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
    assert not (tmp_path / FILE).exists(), "it was no agent yet"
