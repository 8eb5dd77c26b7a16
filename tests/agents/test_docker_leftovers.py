"""Whatever becomes of tasks on a real Docker Engine, nothing of them is left."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.settings import ImageSettings
from quarterdeck.events import shapes
from tests import docker_engine
from tests.agents.nats_engine import NatsEngine
from tests.agents.runtimes.cases import eventually
from tests.agents.test_docker_agent import GONE_SECONDS_MAX, TEST_ZONE, a_task, engine, found, no_networks, running
from tests.agents.world import container, definition

pytestmark = [pytest.mark.docker, pytest.mark.nats]
__all__ = ["engine"]

SCRATCH = shapes.Volume(name="scratch")
MOUNTED = shapes.MountPoint(source_volume="scratch", container_path="/scratch")
SECRET = shapes.Secret(name="TOKEN", value_from="nobody-stored-it")
VPC = shapes.NetworkConfiguration(awsvpc_configuration=shapes.AwsVpcConfiguration(subnets=["subnet-left"]))


def volumes(tasks: list[str]) -> list[str]:
    listed = json.loads(docker_engine.request("GET", f"/volumes?filters={quote('{}')}")[1])["Volumes"] or []
    return [each["Name"] for each in listed if any(each["Name"].endswith(task[:12]) for task in tasks)]


async def test_tasks_that_fail_in_every_way_leave_no_container_network_or_volume(
    nats_url: str, engine: NatsEngine, busybox_image: str, tmp_path: Path
) -> None:
    ways: dict[str, dict[str, Any]] = {
        "CannotPullContainerError": {"image": "127.0.0.1:1/nothing:1"},
        "CannotStartContainerError": {"command": ["no-such-command"]},
        "CannotCreateContainerError": {"docker_security_options": ["no-such-option"]},
        "ResourceInitializationError": {"secrets": [SECRET]},
        "Essential container in task exited": {"command": ["sh", "-c", "exit 3"]},
    }
    common: dict[str, Any] = {"image": busybox_image, "command": ["sleep", "1000"], "mount_points": [MOUNTED]}
    wanted = {reason: container("app", **{**common, **fields}) for reason, fields in ways.items()}
    tasks = {(reason, mode): a_task() for reason in wanted for mode in ("bridge", "awsvpc")}
    async with running(nats_url, engine, tmp_path, zone=TEST_ZONE, images=ImageSettings(attempts_max=1)):
        for (reason, mode), name in tasks.items():
            made = definition(wanted[reason], network_mode=mode, volumes=[SCRATCH])
            network = VPC if mode == "awsvpc" else None
            engine.engine.place(name, definition=made, network_configuration=network)
        await eventually(lambda: all(engine.engine.told(name)[-1:] == ["STOPPED"] for name in tasks.values()))
        for (reason, _), name in tasks.items():
            assert (engine.engine.last(name).reason or "").startswith(reason)
        async with asyncio.timeout(GONE_SECONDS_MAX):
            while await found() or volumes(list(tasks.values())):
                await asyncio.sleep(0.05)
    runtime = DockerRuntime()
    await no_networks(runtime)
    await runtime.close()
