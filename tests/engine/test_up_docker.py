"""`up` on Docker: tasks are containers, one that is killed is replaced, and a missing image is said to be missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from quarterdeck.engine import docker_engine
from quarterdeck.engine.remote import RemoteClient
from quarterdeck.events import shapes
from tests.docker_engine import socket_path
from tests.engine.up_process import UpProcess, until

pytestmark = [pytest.mark.nats, pytest.mark.docker, pytest.mark.timeout(120)]


async def running(client: RemoteClient) -> list[shapes.Task]:
    """The tasks that run and are wanted."""
    arns = (await client.list_tasks(desired_status="RUNNING")).task_arns
    found = (await client.describe_tasks(tasks=arns)).tasks if arns else []
    return [each for each in found or [] if each.last_status == "RUNNING"]


async def test_a_killed_container_is_replaced(make_up: Callable[..., UpProcess], busybox_image: str) -> None:
    up = make_up("--runtime", "docker", "--stop-tasks")
    up.start()
    container = {"name": "web", "image": busybox_image, "command": ["sleep", "1000"], "memory": 16, "stopTimeout": 2}
    async with up.client() as client:
        await client.register_task_definition(family="web", container_definitions=[container])
        await client.create_service(service_name="web", task_definition="web", desired_count=4)

        async def four_run() -> bool:
            return len(await running(client)) == 4

        await until(four_run, 40)
        before = await running(client)
        assert set(Counter(each.container_instance_arn for each in before).values()) == {1}
        assert Counter(each.availability_zone for each in before) == {"us-east-1a": 2, "us-east-1b": 2}
        victim = before[0]
        await docker_engine.kill(socket_path(), (victim.containers or [])[0].runtime_id or "")

        async def replaced() -> bool:
            now = {each.task_arn for each in await running(client)}
            return len(now) == 4 and victim.task_arn not in now

        await until(replaced, 40)


async def test_an_image_that_does_not_exist_stops_the_task_and_says_so(make_up: Callable[..., UpProcess]) -> None:
    up = make_up("--runtime", "docker", "--instances", "1", "--stop-tasks")
    up.start()
    container = {"name": "one", "image": "localhost:1/quarterdeck-test/nothing:1", "memory": 16}
    async with up.client() as client:
        await client.register_task_definition(family="one", container_definitions=[container])
        (task,) = (await client.run_task(task_definition="one")).tasks or []

        async def stopped() -> list[shapes.Task]:
            found = (await client.describe_tasks(tasks=[task.task_arn or ""])).tasks or []
            return [each for each in found if each.last_status == "STOPPED"]

        await until(stopped, 40)
        (found,) = await stopped()
        assert found.stop_code == "TaskFailedToStart"
        assert ((found.containers or [])[0].reason or "").startswith("CannotPullContainerError: ")
        assert len((await client.list_container_instances()).container_instance_arns or []) == 1


async def test_ports_are_published_on_loopback(make_up: Callable[..., UpProcess], busybox_image: str) -> None:
    up = make_up("--runtime", "docker", "--instances", "1", "--stop-tasks")
    up.start()
    container = {
        "name": "one",
        "image": busybox_image,
        "command": ["sleep", "1000"],
        "memory": 16,
        "portMappings": [{"containerPort": 80}],
    }
    async with up.client() as client:
        await client.register_task_definition(family="one", container_definitions=[container])
        await client.run_task(task_definition="one")

        async def runs() -> list[shapes.Task]:
            return await running(client)

        await until(runs, 40)
        (task,) = await running(client)
        bindings = [each.bind_ip for one in task.containers or [] for each in one.network_bindings or []]
        assert bindings == ["127.0.0.1"]
