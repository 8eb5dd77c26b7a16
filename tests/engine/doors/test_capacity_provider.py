"""Capacity providers at the door: each step answered as begun, and described as done (spec §10.1)."""

from __future__ import annotations

from typing import Any

from tests.engine.doors.asking import ARN, Asker, asking


async def create(asker: Asker, name: str = "spot", **members: Any) -> dict[str, Any]:
    provider = {"autoScalingGroupArn": f"group-{name}", "managedScaling": {}}
    answer = await asker.ask("CreateCapacityProvider", name=name, autoScalingGroupProvider=provider, **members)
    return dict(answer["capacityProvider"])


async def describe(asker: Asker, name: str = "spot") -> dict[str, Any]:
    (found,) = (await asker.ask("DescribeCapacityProviders", capacityProviders=[name]))["capacityProviders"]
    return dict(found)


async def test_a_capacity_provider_is_answered_whole() -> None:
    async with asking() as asker:
        tags = [{"key": "team", "value": "blue"}]
        assert await create(asker, tags=tags) == {
            "capacityProviderArn": ARN + "capacity-provider/spot",
            "name": "spot",
            "status": "ACTIVE",
            "autoScalingGroupProvider": {
                "autoScalingGroupArn": "group-spot",
                "managedScaling": {
                    "status": "ENABLED",
                    "targetCapacity": 100,
                    "minimumScalingStepSize": 1,
                    "maximumScalingStepSize": 10000,
                    "instanceWarmupPeriod": 300,
                },
                "managedTerminationProtection": "DISABLED",
                "managedDraining": "ENABLED",
            },
            "updateStatus": "CREATE_COMPLETE",
            "tags": tags,
            "type": "EC2_AUTOSCALING",
        }


async def test_an_update_is_in_progress_then_complete() -> None:
    async with asking() as asker:
        await create(asker)
        change = {"managedScaling": {"targetCapacity": 50}}
        answer = await asker.ask("UpdateCapacityProvider", name="spot", autoScalingGroupProvider=change)
        assert answer["capacityProvider"]["updateStatus"] == "UPDATE_IN_PROGRESS"
        found = await describe(asker)
        assert found["updateStatus"] == "UPDATE_COMPLETE"
        assert found["autoScalingGroupProvider"]["managedScaling"]["targetCapacity"] == 50


async def test_a_deletion_is_in_progress_then_complete_or_failed() -> None:
    async with asking() as asker:
        await create(asker)
        await asker.ask("CreateCluster", capacityProviders=["spot"])
        answer = await asker.ask("DeleteCapacityProvider", capacityProvider="spot")
        assert answer["capacityProvider"]["updateStatus"] == "DELETE_IN_PROGRESS"
        found = await describe(asker)
        assert (found["status"], found["updateStatus"]) == ("ACTIVE", "DELETE_FAILED")
        assert found["updateStatusReason"].startswith(
            "The capacity provider cannot be deleted because it is associated"
        )
        nothing: dict[str, Any] = {"capacityProviders": [], "defaultCapacityProviderStrategy": []}
        await asker.ask("PutClusterCapacityProviders", cluster="default", **nothing)
        answer = await asker.ask("DeleteCapacityProvider", capacityProvider=ARN + "capacity-provider/spot")
        assert (answer["capacityProvider"]["status"], answer["capacityProvider"]["updateStatus"]) == (
            "ACTIVE",
            "DELETE_IN_PROGRESS",
        )
        found = await describe(asker)
        assert (found["status"], found["updateStatus"]) == ("INACTIVE", "DELETE_COMPLETE")
        assert "updateStatusReason" not in found
        everything = await asker.ask("DescribeCapacityProviders")
        assert [each["name"] for each in everything["capacityProviders"]] == ["FARGATE", "FARGATE_SPOT"]


async def test_the_predefined_are_always_there_and_the_unknown_is_missing() -> None:
    async with asking() as asker:
        answer = await asker.ask("DescribeCapacityProviders", capacityProviders=["FARGATE", "never", "FARGATE"])
        (fargate,) = answer["capacityProviders"]
        assert (fargate["name"], fargate["status"], fargate["type"]) == ("FARGATE", "ACTIVE", "FARGATE")
        assert answer["failures"] == [{"arn": ARN + "capacity-provider/never", "reason": "MISSING"}]
        assert (await asker.refusal("DescribeCapacityProviders", include=["ALL"]))[
            1
        ] == "include should be one of [TAGS]"
        refused = await asker.refusal("DescribeCapacityProviders", cluster="never")
        assert refused == ("ClusterNotFoundException", "Cluster not found.")


async def test_capacity_providers_are_described_ten_at_a_time() -> None:
    async with asking() as asker:
        for number in range(10):
            await create(asker, f"p{number}")
        first = await asker.ask("DescribeCapacityProviders")
        assert len(first["capacityProviders"]) == 10
        second = await asker.ask("DescribeCapacityProviders", nextToken=first["nextToken"])
        assert [each["name"] for each in second["capacityProviders"]] == ["p8", "p9"]
        assert "nextToken" not in second
