"""Attributes at the door: put, listed in pages, deleted, and told of their instance."""

from __future__ import annotations

from typing import Any

from tests.engine.doors.asking import ARN, Asker, asking


def of(name: str, target: str, value: str | None = None) -> dict[str, Any]:
    given = {"name": name, "targetType": "container-instance", "targetId": target}
    return {**given, "value": value} if value else given


async def listed(asker: Asker, **members: Any) -> list[tuple[str, str | None, str]]:
    answer = await asker.ask("ListAttributes", targetType="container-instance", **members)
    return [(each["name"], each.get("value"), each["targetId"]) for each in answer["attributes"]]


async def test_attributes_are_put_listed_and_deleted() -> None:
    async with asking() as asker:
        one, other = await asker.furnish(2)
        arns = [f"{ARN}container-instance/default/{each}" for each in (one, other)]
        answer = await asker.ask("PutAttributes", attributes=[of("rack", one, "r1"), of("rack", other, "r2")])
        expected = [
            {"name": "rack", "value": value, "targetId": arn} for value, arn in zip(("r1", "r2"), arns, strict=True)
        ]
        assert answer == {"attributes": expected}
        assert await listed(asker, attributeName="rack") == [("rack", "r1", arns[0]), ("rack", "r2", arns[1])]
        assert await listed(asker, attributeName="rack", attributeValue="r2") == [("rack", "r2", arns[1])]
        assert await listed(asker, attributeName="never") == []
        (found,) = (await asker.ask("DescribeContainerInstances", containerInstances=[one]))["containerInstances"]
        assert {"name": "rack", "value": "r1"} in found["attributes"]
        answer = await asker.ask("DeleteAttributes", attributes=[of("rack", one)])
        assert answer == {"attributes": [{"name": "rack", "targetId": arns[0]}]}
        assert await listed(asker, attributeName="rack") == [("rack", "r2", arns[1])]


async def test_what_the_agent_told_is_listed_too_and_a_deregistered_instance_is_not() -> None:
    async with asking() as asker:
        one, other = await asker.furnish(2)
        names = {name for name, _, _ in await listed(asker)}
        assert {"ecs.availability-zone", "ecs.os-type", "ecs.cpu-architecture"} <= names
        await asker.ask("DeregisterContainerInstance", containerInstance=one)
        assert {target.rpartition("/")[2] for _, _, target in await listed(asker)} == {other}


async def test_attributes_are_listed_in_pages() -> None:
    async with asking() as asker:
        await asker.furnish(3)
        everything = await listed(asker)
        found: list[tuple[str, str | None, str]] = []
        token: str | None = None
        while True:
            more: dict[str, Any] = {"nextToken": token} if token else {}
            answer = await asker.ask("ListAttributes", targetType="container-instance", maxResults=4, **more)
            found += [(each["name"], each.get("value"), each["targetId"]) for each in answer["attributes"]]
            token = answer.get("nextToken")
            if token is None:
                break
            assert len(answer["attributes"]) == 4
        assert found == everything
        assert len(found) > 8


async def test_a_list_that_can_not_be_is_refused() -> None:
    async with asking() as asker:
        await asker.furnish(0)
        refused = await asker.refusal("ListAttributes", targetType="task")
        assert refused == ("InvalidParameterException", "targetType must be container-instance")
        refused = await asker.refusal("ListAttributes", targetType="container-instance", attributeValue="x")
        assert refused[0] == "InvalidParameterException"
        refused = await asker.refusal("ListAttributes", targetType="container-instance", cluster="never")
        assert refused == ("ClusterNotFoundException", "Cluster not found.")
        refused = await asker.refusal("ListContainerInstances", filter="attribute:rack = r1")
        assert refused[0] == "InvalidParameterException"


async def test_health_is_told_when_asked_for() -> None:
    async with asking() as asker:
        (one,) = await asker.furnish()
        plain = await asker.ask("DescribeContainerInstances", containerInstances=[one])
        assert "healthStatus" not in plain["containerInstances"][0]
        whole = await asker.ask(
            "DescribeContainerInstances", containerInstances=[one], include=["CONTAINER_INSTANCE_HEALTH"]
        )
        health = whole["containerInstances"][0]["healthStatus"]
        assert health["overallStatus"] == "OK"
        assert [(each["type"], each["status"]) for each in health["details"]] == [
            ("CONTAINER_RUNTIME", "OK"),
            ("AGENT_CONNECTIVITY", "OK"),
        ]
