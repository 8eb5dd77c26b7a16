"""Task sets at the door (spec §9.8)."""

from __future__ import annotations

from typing import Any

from tests.engine.doors.asking import ARN, NOON, Asker, asking

OF = {"cluster": "default", "service": "web"}


async def external(asker: Asker, count: int = 2) -> None:
    await asker.furnish()
    await asker.ask("CreateService", serviceName="web", desiredCount=count, deploymentController={"type": "EXTERNAL"})


async def sets(asker: Asker, **members: Any) -> list[dict[str, Any]]:
    return list((await asker.ask("DescribeTaskSets", **OF, **members))["taskSets"])


async def steady(asker: Asker) -> list[dict[str, Any]]:
    """Let scheduler and agents work until every task set is steady."""

    async def look() -> bool:
        await asker.run_all()
        return all(each["stabilityStatus"] == "STEADY_STATE" for each in await sets(asker))

    await asker.until(look, True)
    return await sets(asker)


async def test_a_task_set_is_created_runs_its_share_and_goes() -> None:
    async with asking() as asker:
        await external(asker)
        answer = await asker.ask(
            "CreateTaskSet", **OF, taskDefinition="app", externalId="x-1", tags=[{"key": "a", "value": "b"}]
        )
        made = answer["taskSet"]
        name = made["id"]
        assert {**made, "pendingCount": 0} == {
            "id": name,
            "taskSetArn": f"{ARN}task-set/default/web/{name}",
            "serviceArn": ARN + "service/default/web",
            "clusterArn": ARN + "cluster/default",
            "externalId": "x-1",
            "status": "ACTIVE",
            "taskDefinition": ARN + "task-definition/app:1",
            "computedDesiredCount": 2,
            "pendingCount": 0,
            "runningCount": 0,
            "createdAt": NOON,
            "updatedAt": NOON,
            "launchType": "EC2",
            "loadBalancers": [],
            "serviceRegistries": [],
            "scale": {"value": 100.0, "unit": "PERCENT"},
            "stabilityStatus": "STABILIZING",
            "stabilityStatusAt": NOON,
            "tags": [{"key": "a", "value": "b"}],
        }
        await steady(asker)
        assert len(await asker.tasks(startedBy=name)) == 2
        told = await asker.service()
        assert (told["deployments"], told["runningCount"], [each["id"] for each in told["taskSets"]]) == ([], 2, [name])
        assert told["events"][0]["message"] == f"(service web, taskSet {name}) updated state to STEADY_STATE."
        scaled = await asker.ask("UpdateTaskSet", **OF, taskSet=name, scale={"value": 50, "unit": "PERCENT"})
        assert scaled["taskSet"]["computedDesiredCount"] == 1
        (found,) = await steady(asker)
        assert (found["runningCount"], found["tags"]) == (1, [])
        gone = await asker.ask("DeleteTaskSet", **OF, taskSet=name, force=True)
        assert gone["taskSet"]["status"] == "DRAINING"

        async def look() -> object:
            await asker.run_all()
            return await sets(asker)

        await asker.until(look, [])


async def test_the_primary_task_set_describes_the_service() -> None:
    async with asking() as asker:
        await external(asker, 0)
        await asker.define("app")
        blue = (await asker.ask("CreateTaskSet", **OF, taskDefinition="app:1"))["taskSet"]["id"]
        green = (await asker.ask("CreateTaskSet", **OF, taskDefinition="app:2"))["taskSet"]["id"]
        answer = await asker.ask("UpdateServicePrimaryTaskSet", **OF, primaryTaskSet=blue)
        assert answer["taskSet"]["status"] == "PRIMARY"
        await asker.ask("UpdateServicePrimaryTaskSet", **OF, primaryTaskSet=green)
        assert [each["status"] for each in await sets(asker)] == ["ACTIVE", "PRIMARY"]
        assert (await asker.service())["taskDefinition"] == ARN + "task-definition/app:2"
        (found,) = await sets(asker, taskSets=[f"{ARN}task-set/default/web/{green}"])
        assert found["id"] == green


async def test_what_is_not_there_is_missing_or_refused() -> None:
    async with asking() as asker:
        await external(asker)
        answer = await asker.ask("DescribeTaskSets", **OF, taskSets=["ecs-svc/1"])
        assert answer["failures"] == [{"arn": ARN + "task-set/default/web/ecs-svc/1", "reason": "MISSING"}]
        assert await asker.refusal("DescribeTaskSets", cluster="default", service="x") == (
            "ServiceNotFoundException",
            "Service not found.",
        )
        assert await asker.refusal("DescribeTaskSets", **OF, include=["ALL"]) == (
            "InvalidParameterException",
            "include should be one of [TAGS]",
        )
        assert await asker.refusal("DeleteTaskSet", **OF, taskSet="ecs-svc/1") == (
            "TaskSetNotFoundException",
            "The specified task set was not found.",
        )
