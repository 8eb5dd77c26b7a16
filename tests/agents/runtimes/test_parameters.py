"""Every parameter of the task definition reaches Docker: what was asked, beside what `docker inspect` shows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from quarterdeck.agents import labels
from quarterdeck.agents.plan import ContainerPlan
from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.docker.cgroup import ROOT
from quarterdeck.agents.runtimes.port import Container
from quarterdeck.agents.translate import translate
from quarterdeck.events import shapes
from quarterdeck.events.wanted import WantedTask
from tests import docker_engine
from tests.agents.runtimes.parameters import (
    ALONE,
    APP,
    CUT_OFF,
    ELSEWHERE,
    HOST,
    SIZED,
    SIZED_EACH,
    TOGETHER,
    Row,
    asked,
    at,
    filled,
)
from tests.agents.world import NAMESPACE

MIB = 1 << 20


def members(shape: Any, inside: str = "") -> Iterator[str]:
    """The members of a structure, those of structures in it by their paths."""
    nested = {"linuxParameters": shapes.LinuxParameters, "linuxParameters.capabilities": shapes.KernelCapabilities}
    nested |= {"healthCheck": shapes.HealthCheck, "logConfiguration": shapes.LogConfiguration}
    for field in msgspec.structs.fields(shape):
        path = inside + field.encode_name
        if path in nested:
            yield from members(nested[path], f"{path}.")
        else:
            yield path


@pytest.mark.parametrize(
    ("shape", "tables"),
    [(shapes.ContainerDefinition, [APP, CUT_OFF]), (shapes.TaskDefinition, [HOST, ALONE, TOGETHER, SIZED, SIZED_EACH])],
)
def test_the_table_has_every_parameter(shape: type[msgspec.Struct], tables: list[list[Row]]) -> None:
    told = {row.member for table in tables for row in table} | ELSEWHERE.keys()
    assert set(members(shape)) - told == set()


class Task:
    """One task on Docker, made container by container as its agent would."""

    def __init__(self, runtime: DockerRuntime, image: str) -> None:
        self.runtime = runtime
        self.image = image
        self.id = os.urandom(16).hex()
        self.containers: dict[str, Container] = {}
        self.volumes: set[str] = set()

    def plans(self, containers: list[dict[str, Any]], **task: Any) -> list[ContainerPlan]:
        given = [{"image": self.image, "command": ["sleep", "1000"], "memory": 16, **each} for each in containers]
        definition = msgspec.convert(
            {"family": "web", "revision": 1, **task, "containerDefinitions": given}, shapes.TaskDefinition
        )
        wanted = WantedTask(task=self.id, definition=definition)
        return list(translate(wanted, NAMESPACE.task_arn("default", self.id), "default", self.id).containers)

    async def run(self, containers: list[dict[str, Any]], *, start: bool = True, **task: Any) -> None:
        for plan in self.plans(containers, **task):
            self.volumes.update(labels.task_volumes(plan.spec.labels))
            container_id = await self.runtime.create(plan.spec)
            do = self.runtime.start if start else self.runtime.inspect
            self.containers[plan.name] = await do(container_id)

    def raw(self, name: str) -> Any:
        status, body = docker_engine.request("GET", f"/containers/{self.containers[name].id}/json")
        assert status == 200
        return msgspec.json.decode(body)

    def shows(self, name: str, rows: list[Row], **names: str) -> None:
        """Compare what was asked with what Docker shows."""
        inspected = self.raw(name)
        known = {"task": self.id, **{each: held.name for each, held in self.containers.items()}, **names}
        known |= {f"{each} id": held.id for each, held in self.containers.items()}
        rows = [row for row in rows if row.cgroup_version in {"", cgroup_version()}]
        shown = {row.member: at(inspected, row.path) for row in rows}
        assert shown == {row.member: filled(row.found, known) for row in rows}

    async def remove(self) -> None:
        for held in await self.runtime.list({labels.CONTAINER_INSTANCE: self.id}):
            await self.runtime.remove(held.id)
        for volume in self.volumes:
            await self.runtime.remove_volume(volume)


@pytest_asyncio.fixture
async def task(busybox_image: str) -> AsyncIterator[Task]:
    runtime = DockerRuntime()
    await runtime.info()
    made = Task(runtime, busybox_image)
    before = there()
    yield made
    await made.remove()
    await runtime.close()
    assert there() - before == set(), "something is left behind"


@cache
def cgroup_version() -> str:
    return str(msgspec.json.decode(docker_engine.request("GET", "/info")[1])["CgroupVersion"])


def there() -> set[str]:
    """Volumes and task cgroups that are there."""
    volumes = msgspec.json.decode(docker_engine.request("GET", "/volumes")[1])["Volumes"] or []
    cgroups = [str(path) for path in ROOT.glob("*/ecs/*") if path.is_dir()]
    return {each["Name"] for each in volumes if each["Name"].startswith("ecs-web-1-")} | set(cgroups)


@pytest.mark.docker
async def test_every_parameter_of_a_container_reaches_docker(task: Task, tmp_path: Path) -> None:
    volumes = [{"name": "host", "host": {"sourcePath": str(tmp_path)}}, {"name": "own"}]
    await task.run([{"name": "data"}, asked(APP)], volumes=volumes)
    own = f"ecs-web-1-own-{task.id[:12]}"
    task.shows("app", APP, host=str(tmp_path), own=own)
    held = task.containers["app"]
    assert held.state == "running"
    assert held.health == "UNKNOWN"
    assert {port.container_port for port in held.ports} == {80, 53}
    assert (held.image_digest or "").startswith("sha256:")


@pytest.mark.docker
async def test_a_container_can_be_privileged_and_without_a_network(task: Task) -> None:
    await task.run([asked(CUT_OFF)], start=False)  # a daemon that is itself confined can't start it
    task.shows("cut", CUT_OFF)


@pytest.mark.docker
@pytest.mark.parametrize("rows", [HOST, ALONE], ids=["host", "none"])
async def test_the_namespaces_of_a_task_are_the_hosts_or_none(task: Task, rows: list[Row]) -> None:
    await task.run([{"name": "app"}], **asked(rows))
    task.shows("app", rows)


@pytest.mark.docker
async def test_containers_of_a_task_share_its_namespaces(task: Task) -> None:
    await task.run([{"name": "first"}, {"name": "second"}], **asked(TOGETHER))
    task.shows("second", TOGETHER)
    assert at(task.raw("first"), "HostConfig.IpcMode") == "shareable"


@pytest.mark.docker
async def test_the_size_of_a_task_bounds_its_containers_together(task: Task) -> None:
    if not (await task.runtime.info()).bounds_tasks:
        await task.run([{"name": "app", "memory": None}], **asked(SIZED_EACH))
        task.shows("app", SIZED_EACH)
        return
    await task.run([{"name": "app"}, {"name": "side"}], **asked(SIZED))
    task.shows("app", SIZED)
    assert (ROOT / "memory/ecs" / task.id / "memory.limit_in_bytes").read_text() == f"{128 * MIB}\n"
    assert (ROOT / "cpu/ecs" / task.id / "cpu.cfs_quota_us").read_text() == "25000\n"
    for held in task.containers.values():
        assert (ROOT / "memory/ecs" / task.id / held.id).is_dir(), "what it bounds is inside"
    async with AsyncExitStack() as stack:
        sweeper = DockerRuntime()  # another object, told nothing of the daemon
        stack.push_async_callback(sweeper.close)
        for held in await sweeper.list({labels.CONTAINER_INSTANCE: task.id}):
            await sweeper.remove(held.id)
    assert not (ROOT / "memory/ecs" / task.id).exists()


@pytest.mark.docker
async def test_volumes_are_made_as_they_are_described(task: Task) -> None:
    shared = f"qdtest-{task.id[:12]}"
    docker = {"driver": "local", "driverOpts": {"type": "tmpfs", "device": "tmpfs"}, "labels": {"colour": "red"}}
    volumes = [
        {"name": "own", "dockerVolumeConfiguration": {"scope": "task", **docker}},
        {"name": shared, "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True}},
    ]
    mounts = [{"sourceVolume": each["name"], "containerPath": f"/{each['name']}"} for each in volumes]
    try:
        await task.run([{"name": "app", "mountPoints": mounts}], volumes=volumes)
        made = msgspec.json.decode(docker_engine.request("GET", f"/volumes/ecs-web-1-own-{task.id[:12]}")[1])
        assert (made["Driver"], made["Options"], made["Labels"]) == tuple(docker.values())
        await task.remove()
        assert docker_engine.request("GET", f"/volumes/{shared}")[0] == 200, "it outlives the task"
    finally:
        docker_engine.request("DELETE", f"/volumes/{shared}")


@pytest.mark.docker
async def test_a_range_of_ports_is_bound_to_a_row_of_the_hosts(task: Task) -> None:
    await task.run([{"name": "app", "portMappings": [{"containerPortRange": "8000-8004", "protocol": "tcp"}]}])
    ports = task.containers["app"].ports
    first = ports[0].host_port
    assert [(each.container_port, each.host_port) for each in ports] == [(8000 + i, first + i) for i in range(5)]
