"""What an `up` with --stop-tasks leaves of its instances."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from quarterdeck.agents import labels
from quarterdeck.agents.identity import FILE, Identity
from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.docker.cgroup import ROOT
from quarterdeck.agents.runtimes.port import ContainerSpec, Mount, TaskBounds
from quarterdeck.engine.host import remove_containers
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
