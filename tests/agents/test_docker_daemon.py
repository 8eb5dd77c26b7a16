"""A Docker Engine that is stopped, killed, restarted and filled under load: afterwards all agree, each task once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from quarterdeck.agents import labels
from quarterdeck.agents.runtimes.docker.runtime import ALREADY
from quarterdeck.agents.settings import ImageSettings, Limits
from quarterdeck.agents.task import VANISHED
from quarterdeck.events import shapes
from tests import docker_engine
from tests.agents.nats_engine import NatsEngine, served
from tests.agents.runtimes import cases
from tests.agents.test_docker_agent import a_task, running
from tests.agents.world import container, definition
from tests.own_docker import DATA_MIB, OwnDocker, own_docker
from tests.static_registry import serving

pytestmark = [pytest.mark.docker, pytest.mark.dockerd, pytest.mark.nats, pytest.mark.timeout(180)]
eventually = partial(cases.eventually, seconds_max=45.0)
"""Daemons that start, and thirty containers, take their time on a busy machine."""
OBEYS = ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"]
MANY = 30
NOTHING = (0, 0, 0)


@pytest.fixture(scope="module")
def shared() -> Iterator[OwnDocker]:
    with own_docker() as made:
        yield made


@pytest.fixture
def docker(shared: OwnDocker) -> Iterator[OwnDocker]:
    """It runs, and has nothing."""
    shared.keep_containers(keep=True)
    assert shared.counts() == NOTHING
    yield shared
    if not shared.runs:
        shared.start()
    for each in shared.ask("/containers/json?all=1"):
        shared.request("DELETE", f"/containers/{each['Id']}?force=1&v=1")
    for each in shared.ask("/volumes")["Volumes"] or []:
        shared.request("DELETE", f"/volumes/{each['Name']}")


@pytest_asyncio.fixture
async def engine(nats_url: str) -> AsyncIterator[NatsEngine]:
    async with served(nats_url) as found:
        yield found


def asks(image: str = docker_engine.IMAGE, **fields: Any) -> shapes.TaskDefinition:
    """A task with a volume of its own."""
    mounts = [shapes.MountPoint(source_volume="scratch", container_path="/scratch")]
    app = container("app", image, **{"command": OBEYS, "mount_points": mounts, "memory": 8, **fields})
    return definition(app, volumes=[shapes.Volume(name="scratch")])


def place(engine: NatsEngine, count: int, **fields: Any) -> list[str]:
    names = [a_task() for _ in range(count)]
    engine.engine.place(*names, definition=asks(**fields))
    return names


def told(engine: NatsEngine, names: list[str], *statuses: str) -> bool:
    return all(engine.engine.told(name)[-1:] == list(statuses[-1:]) for name in names)


def agree(engine: NatsEngine, docker: OwnDocker, running: list[str]) -> None:
    """What runs, what was told and what is wanted is the same, each once."""
    tasks = [each["Labels"][labels.TASK_ARN].rpartition("/")[2] for each in docker.running()]
    assert sorted(tasks) == sorted(running)
    assert set(engine.engine.tasks) == set(running)
    for name in running:
        assert engine.engine.told(name)[-1] == "RUNNING"
    stopped = [each.task for each in engine.engine.reports if each.status == "STOPPED"]
    assert len(stopped) == len(set(stopped))


async def emptied(engine: NatsEngine, docker: OwnDocker) -> None:
    """Stop all tasks: nothing is left."""
    names = list(engine.engine.tasks)
    for name in names:
        engine.engine.stop(name)
    await eventually(lambda: told(engine, names, "STOPPED"))
    await eventually(lambda: docker.counts() == NOTHING)


async def test_bad_input_has_a_reason_holds_nobody_up_and_leaves_nothing(
    nats_url: str, engine: NatsEngine, docker: OwnDocker, tmp_path: Path
) -> None:
    """A container that ignores SIGTERM is the slow one: all others come and go meanwhile."""
    (tmp_path / "file").touch()
    with docker.listen() as taken:
        port = shapes.PortMapping(container_port=80, host_port=taken.getsockname()[1])
        ways: dict[str, tuple[shapes.TaskDefinition, str]] = {
            "image": (asks(image="127.0.0.1:1/nothing:1"), "CannotPullContainerError: Error response from daemon: "),
            "command": (asks(command=["no-such-command"]), "CannotStartContainerError: "),
            "port": (asks(port_mappings=[port]), "CannotStartContainerError: "),
            "mount": (onto(tmp_path / "file"), "CannotStartContainerError: "),
            "volume": (with_shared("nobody-made-it"), "CannotCreateVolumeError: "),
        }
        once = ImageSettings(attempts_max=1)
        async with running(nats_url, engine, tmp_path / "agent", docker.socket_path, images=once):
            (deaf,) = place(engine, 1, command=["sleep", "1000"], stop_timeout=4)
            await eventually(lambda: told(engine, [deaf], "RUNNING"))
            engine.engine.stop(deaf)
            names = {way: a_task() for way in ways}
            for way, name in names.items():
                engine.engine.place(name, definition=ways[way][0])
            fine = place(engine, 3)
            await eventually(lambda: told(engine, fine, "RUNNING"))
            await eventually(lambda: told(engine, list(names.values()), "STOPPED"))
            assert engine.engine.told(deaf) == ["RUNNING"], "it has not ended yet"
            reasons = {way: engine.engine.last(name).reason or "" for way, name in names.items()}
            assert [reasons[way] for way, (_, says) in ways.items() if not reasons[way].startswith(says)] == []
            assert "address already in use" in reasons["port"]
            assert "not a directory" in reasons["mount"]
            await emptied(engine, docker)
            (change,) = engine.engine.last(deaf).containers or []
            assert change.exit_code == 137


def onto(file: Path) -> shapes.TaskDefinition:
    """A file of the host's mounted where the image has a directory."""
    volume = shapes.Volume(name="bad", host=shapes.HostVolumeProperties(source_path=str(file)))
    mounts = [shapes.MountPoint(source_volume="bad", container_path="/tmp")]
    return definition(container("app", docker_engine.IMAGE, command=OBEYS, mount_points=mounts), volumes=[volume])


def with_shared(name: str) -> shapes.TaskDefinition:
    """A volume that has to be there."""
    must_be_there = shapes.DockerVolumeConfiguration(scope="shared")
    mounts = [shapes.MountPoint(source_volume=name, container_path="/bad")]
    app = container("app", docker_engine.IMAGE, command=OBEYS, mount_points=mounts)
    return definition(app, volumes=[shapes.Volume(name=name, docker_volume_configuration=must_be_there)])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_containers_that_a_daemon_took_with_it_are_told_stopped_once(
    nats_url: str, engine: NatsEngine, docker: OwnDocker, tmp_path: Path, number: signal.Signals
) -> None:
    """Stopped, a daemon ends its containers first; killed, the next one does, unless it is to keep them."""
    docker.keep_containers(keep=False)
    async with running(nats_url, engine, tmp_path, docker.socket_path):
        lost = place(engine, 4)
        await eventually(lambda: told(engine, lost, "RUNNING"))
        later = place(engine, 6)
        await eventually(lambda: len(docker.ask("/containers/json?all=1")) > len(lost))
        docker.end(number)
        await eventually(lambda: engine.engine.heartbeats[-1].runtime == "IMPAIRED")
        last = place(engine, 2)
        docker.start()
        await eventually(lambda: told(engine, lost, "STOPPED"))
        await eventually(lambda: told(engine, last, "RUNNING"))
        await eventually(lambda: all(engine.engine.told(name) for name in later))
        await settled(engine, docker)
        agree(engine, docker, list(engine.engine.tasks))
        assert set(last) <= set(engine.engine.tasks)
        codes = {each.exit_code for name in lost for each in engine.engine.last(name).containers or []}
        assert codes <= {0, 137, 143}
        await eventually(lambda: engine.engine.heartbeats[-1].runtime == "OK")
        await emptied(engine, docker)


async def settled(engine: NatsEngine, docker: OwnDocker) -> None:
    """What is wanted runs, and nothing else."""
    await eventually(lambda: len(docker.running()) == len(engine.engine.tasks))


async def test_thirty_starts_survive_the_kill_of_a_daemon_that_keeps_its_containers(
    nats_url: str, engine: NatsEngine, docker: OwnDocker, tmp_path: Path
) -> None:
    async with running(nats_url, engine, tmp_path, docker.socket_path):
        names = place(engine, MANY)
        await eventually(lambda: len(docker.running()) > MANY // 4)
        docker.end(signal.SIGKILL)
        docker.start()
        await eventually(lambda: all(engine.engine.told(name) for name in names))
        ran = [name for name in names if any(each in (engine.engine.last(name).reason or "") for each in ALREADY)]
        unwritten = "those whose command had begun, and the daemon did not write that down, do not run again"
        assert len(ran) <= Limits().starts_max // 2, unwritten
        agree(engine, docker, [name for name in names if name not in ran])
        assert docker.with_processes() == {each["Id"] for each in docker.running()}
        assert docker.counts()[1] == 0
        assert {each["RestartCount"] for each in inspected(docker)} == {0}
        await emptied(engine, docker)
        assert docker.with_processes() == set()


async def test_thirty_starts_survive_the_kill_of_the_agent(
    nats_url: str, engine: NatsEngine, docker: OwnDocker, tmp_path: Path
) -> None:
    region = engine.namespace.region
    words = ["-m", "tests.agents.nats_engine", nats_url, region, str(tmp_path), docker.socket_path]
    agent = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.DEVNULL)
    names = place(engine, MANY)
    await eventually(lambda: len(docker.running()) > MANY // 4)
    agent.kill()
    await agent.wait()
    before = {each["Id"] for each in docker.running()}
    assert len(before) < MANY
    async with running(nats_url, engine, tmp_path, docker.socket_path):
        await eventually(lambda: told(engine, names, "RUNNING"))
        agree(engine, docker, names)
        assert before <= {each["Id"] for each in docker.running()}
        assert docker.counts() == (MANY, 0, MANY)
        await emptied(engine, docker)


def inspected(docker: OwnDocker) -> list[dict[str, Any]]:
    return [docker.ask(f"/containers/{each['Id']}/json") for each in docker.running()]


async def test_what_is_done_to_containers_behind_the_agents_back_is_noticed(
    nats_url: str, engine: NatsEngine, docker: OwnDocker, tmp_path: Path
) -> None:
    async with running(nats_url, engine, tmp_path, docker.socket_path):
        names = dict(zip(["removed", "stopped", "killed", "paused"], place(engine, 4), strict=True))
        await eventually(lambda: told(engine, list(names.values()), "RUNNING"))
        held = {each["Labels"][labels.TASK_ARN].rpartition("/")[2]: each["Id"] for each in docker.running()}
        docker.request("DELETE", f"/containers/{held[names['removed']]}?force=1")
        docker.request("POST", f"/containers/{held[names['stopped']]}/stop")
        docker.request("POST", f"/containers/{held[names['killed']]}/kill")
        docker.request("POST", f"/containers/{held[names['paused']]}/pause")
        await eventually(lambda: told(engine, [names["removed"], names["stopped"], names["killed"]], "STOPPED"))
        ends = {way: (engine.engine.last(name).containers or [])[0] for way, name in names.items()}
        assert ends["removed"].reason == VANISHED or ends["removed"].exit_code == 137
        assert (ends["stopped"].exit_code, ends["killed"].exit_code) == (0, 137)
        assert engine.engine.told(names["paused"]) == ["RUNNING"]
        await emptied(engine, docker)
        assert (engine.engine.last(names["paused"]).containers or [])[0].status == "STOPPED"


async def test_a_disk_that_is_full_on_a_pull_is_the_reason_and_harms_nobody_else(
    nats_url: str, engine: NatsEngine, docker: OwnDocker, tmp_path: Path
) -> None:
    images = {each["Id"] for each in docker.ask("/images/json?all=1")}
    too_much = {"zeros": bytes((DATA_MIB << 20) + 1)}
    with serving(docker.listen(), too_much) as registry:
        async with running(nats_url, engine, tmp_path, docker.socket_path, images=ImageSettings(attempts_max=2)):
            (fine,) = place(engine, 1)
            (name,) = place(engine, 1, image=registry.image)
            await eventually(lambda: told(engine, [name], "STOPPED"))
            said = engine.engine.last(name)
            assert (said.reason or "").startswith("CannotPullContainerError: Error response from daemon: ")
            assert "no space left on device" in (said.reason or "")
            assert said.pull_started_at is not None
            assert registry.asked == 2
            agree(engine, docker, [fine])
            await emptied(engine, docker)
    assert {each["Id"] for each in docker.ask("/images/json?all=1")} == images


async def test_a_registry_that_fails_for_a_while_is_asked_again(
    nats_url: str, engine: NatsEngine, docker: OwnDocker, tmp_path: Path
) -> None:
    quick = ImageSettings(retry_seconds_min=0.05)
    with serving(docker.listen(), {"empty": b""}) as registry:
        registry.failures = [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS]
        async with running(nats_url, engine, tmp_path, docker.socket_path, images=quick):
            (name,) = place(engine, 1, image=registry.image)
            await eventually(lambda: told(engine, [name], "STOPPED"))
            assert (engine.engine.last(name).reason or "").startswith("CannotStartContainerError: "), "it has no sh"
            await emptied(engine, docker)
    docker.request("DELETE", f"/images/{registry.image}")
