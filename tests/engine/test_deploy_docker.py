"""Deployments on Docker: a rolling update stays within its percents, and a broken image is rolled back (spec §9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from quarterdeck.engine.remote import RemoteClient
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.service import DeploymentFailed, DeploymentFailuresCounted, DeploymentStarted
from quarterdeck.events.task import TaskRequested, TaskStarted, TaskStopped, TaskStopRequested
from tests.engine.up_process import UpProcess, until

pytestmark = [pytest.mark.nats, pytest.mark.docker, pytest.mark.timeout(180)]

COUNT, LOWER, UPPER, THRESHOLD = 12, 6, 18, 6
SECONDS_MAX = 90
MISSING = "localhost:1/quarterdeck-test/nothing:1"


async def define(client: RemoteClient, image: str) -> str:
    """Register a revision of what the service runs."""
    command = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
    container = {"name": "web", "image": image, "command": command, "memory": 16, "stopTimeout": 2}
    made = await client.register_task_definition(family="web", container_definitions=[container])
    assert made.task_definition is not None
    return str(made.task_definition.task_definition_arn)


async def described(client: RemoteClient) -> shapes.Service:
    (found,) = (await client.describe_services(services=["web"])).services or []
    return found


async def settle(client: RemoteClient) -> shapes.Service:
    """Wait as `aws ecs wait services-stable` does, and for the deployment to be complete."""

    async def stable() -> bool:
        found = await described(client)
        states = [each.rollout_state for each in found.deployments or []]
        return states == ["COMPLETED"] and found.running_count == COUNT

    await until(stable, SECONDS_MAX)
    return await described(client)


async def told(client: RemoteClient) -> list[AnyEvent]:
    return [event async for commit in client.follow(follow=False) for event in commit.events]


def extremes(events: list[AnyEvent]) -> tuple[int, int]:
    """The fewest tasks that ran while wanted, since all did for the first time, and the most that were there."""
    there: set[str] = set()
    healthy: set[str] = set()
    fewest, most = COUNT, 0
    begun = False
    for event in events:
        match event:
            case TaskRequested():
                there.add(event.task)
            case TaskStarted():
                healthy.add(event.task)
                begun = begun or len(healthy) == COUNT
            case TaskStopRequested():
                healthy.discard(event.task)
            case TaskStopped():
                healthy.discard(event.task)
                there.discard(event.task)
            case _:
                continue
        fewest = min(fewest, len(healthy)) if begun else fewest
        most = max(most, len(there))
    return fewest, most


async def test_an_update_keeps_its_bounds_and_a_broken_image_is_rolled_back(
    make_up: Callable[..., UpProcess], busybox_image: str
) -> None:
    up = make_up("--runtime", "docker", "--stop-tasks")
    up.start()
    rules = {
        "minimumHealthyPercent": 50,
        "maximumPercent": 150,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    }
    async with up.client(engine=True) as client:
        await define(client, busybox_image)
        await client.create_service(
            service_name="web",
            task_definition="web",
            desired_count=COUNT,
            deployment_configuration=rules,
            availability_zone_rebalancing="DISABLED",  # zones are not what this is about
        )
        await settle(client)

        await client.update_service(service="web", task_definition=await define(client, busybox_image))
        good = await settle(client)
        fewest, most = extremes(await told(client))
        assert LOWER <= fewest < COUNT
        assert COUNT < most <= UPPER

        before = set((await client.list_tasks(service_name="web")).task_arns or [])
        await client.update_service(service="web", task_definition=await define(client, MISSING))
        failed = [str(one.id) for one in (await described(client)).deployments or [] if one.status == "PRIMARY"]
        after = await settle(client)
        events = await told(client)
        back = [each for each in events if isinstance(each, DeploymentStarted)][-1]
        (given_up,) = [each for each in events if isinstance(each, DeploymentFailed)]
        counted = [each for each in events if isinstance(each, DeploymentFailuresCounted)]
        kept = before & set((await client.list_tasks(service_name="web")).task_arns or [])

    assert [given_up.deployment] == failed
    assert (given_up.threshold, given_up.failures >= THRESHOLD) == (THRESHOLD, True)
    assert {each.threshold for each in counted} == {THRESHOLD}
    assert (back.deployment, back.rolls_back) == ((good.deployments or [])[0].id, given_up.deployment)
    assert after.task_definition == good.task_definition
    assert len(kept) >= LOWER, "healthy old tasks are left alone"
    fewest, most = extremes(events)
    assert fewest >= LOWER
    assert most <= UPPER
    said = [str(each.message) for each in reversed(after.events or [])]
    at = said.index(f"(service web) (deployment {given_up.deployment}) deployment failed: tasks failed to start.")
    assert said[at + 1] == f"(service web) rolling back to deployment {back.deployment}."
    assert said[-1] == "(service web) has reached a steady state."
