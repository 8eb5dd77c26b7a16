"""Container instances at the doors: filters of lists (spec §8.3, §4.10), and a registration that is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.wanted import Heartbeat
from tests.engine.doors.asking import NAMESPACE, ROOM, Asker, asking


async def registered(asker: Asker, zone: str, **attributes: str) -> str:
    """Register an instance; gives its ARN."""
    answer = await asker.ask(
        "RegisterContainerInstance",
        totalResources=ROOM,
        versionInfo={"agentVersion": "1.60.0"},
        attributes=[
            {"name": "ecs.availability-zone", "value": zone},
            *({"name": key, "value": value} for key, value in attributes.items()),
        ],
    )
    arn: str = answer["containerInstance"]["containerInstanceArn"]
    return arn


async def test_a_filter_lists_the_instances_it_is_true_of_page_by_page() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster")
        arns = [await registered(asker, f"us-east-1{'ab'[number % 2]}", size=str(number)) for number in range(6)]
        even = {"filter": "attribute:ecs.availability-zone == us-east-1a and agentVersion > 1.9", "maxResults": 2}
        first = await asker.ask("ListContainerInstances", **even)
        assert first["containerInstanceArns"] == [arns[0], arns[2]]
        rest = await asker.ask("ListContainerInstances", **even, nextToken=first["nextToken"])
        assert rest["containerInstanceArns"] == [arns[4]]
        assert "nextToken" not in rest


async def test_a_filter_may_look_at_tasks_status_and_attributes_that_changed() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster")
        one, other = [await registered(asker, "us-east-1a") for _ in range(2)]

        async def listed(**members: str) -> list[str]:
            answer: list[str] = (await asker.ask("ListContainerInstances", **members))["containerInstanceArns"]
            return answer

        await asker.define("db")
        agent = Instance(str(NAMESPACE), "default", other.rpartition("/")[2])
        await asker.replica.heartbeats.beat(agent, Heartbeat(session="s"))
        await asker.ask("StartTask", taskDefinition="db", containerInstances=[other])
        assert await listed(filter="task:group == family:db") == [other]
        assert await listed(filter="task:group != family:db and runningTasksCount == 0") == [one]
        assert await listed(filter="agentConnected == true") == [other]
        await asker.ask("PutAttributes", attributes=[{"name": "stack", "value": "prod", "targetId": one}])
        assert await listed(filter="attribute:stack == prod") == [one]
        await asker.ask("UpdateContainerInstancesState", containerInstances=[one], status="DRAINING")
        assert await listed(filter="attribute:stack exists", status="ACTIVE") == []
        assert await listed(filter="attribute:stack exists", status="DRAINING") == [one]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zone ==", "Invalid filter 'zone ==': 'zone' is not a subject: they are agentConnected,"),
        (
            "attribute:a == ",
            "Invalid filter 'attribute:a == ': expected a value, found the end (at character 16)",
        ),
    ],
)
async def test_a_filter_that_is_none_is_refused(text: str, message: str) -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster")
        code, said = await asker.refusal("ListContainerInstances", filter=text)
        assert (code, said[: len(message)]) == ("InvalidParameterException", message)


async def register(asker: Asker, **members: Any) -> str:
    answer = await asker.ask("RegisterContainerInstance", totalResources=ROOM, **members)
    return str(answer["containerInstance"]["containerInstanceArn"])


async def test_a_registration_tried_again_makes_no_second_instance() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster")
        first = await register(asker, clientToken="series-1")
        assert await register(asker, clientToken="series-1") == first
        assert await register(asker, clientToken="series-2") != first
        assert await register(asker) != await register(asker)
        assert len((await asker.ask("ListContainerInstances"))["containerInstanceArns"]) == 4


async def test_a_token_is_for_one_registration() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster")
        await register(asker, clientToken="series-1")
        other = {"totalResources": ROOM, "tags": [{"key": "a", "value": "b"}], "clientToken": "series-1"}
        assert (await asker.refusal("RegisterContainerInstance", **other))[0] == "ConflictException"
        assert await asker.refusal("RegisterContainerInstance", totalResources=ROOM, clientToken="x" * 65) == (
            "InvalidParameterException",
            "idempotency token longer than 64.",
        )


async def test_a_registration_tried_again_in_a_cluster_made_anew_is_inactive() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster")
        arn = await register(asker, clientToken="series-1")
        await asker.ask("DeregisterContainerInstance", containerInstance=arn)
        await asker.ask("DeleteCluster", cluster="default")
        await asker.ask("CreateCluster")
        refused = await asker.refusal("RegisterContainerInstance", totalResources=ROOM, clientToken="series-1")
        assert refused == ("ClientException", f"Container instance {arn.rsplit('/', 1)[1]} is inactive.")
