"""Tags at the door: put, listed, included, removed, of everything that can have them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.doors.asking import ARN, Asker, asking

BLUE = {"key": "team", "value": "blue"}
COST = {"key": "cost", "value": ""}


async def furnish(asker: Asker) -> dict[str, str]:
    """Make one of everything, tagged; the ARNs by noun."""
    (instance,) = await asker.furnish()
    await asker.ask("CreateCapacityProvider", name="spot", autoScalingGroupProvider={"autoScalingGroupArn": "g"})
    await asker.ask("CreateService", serviceName="web", taskDefinition="app", desiredCount=0)
    task = (await asker.ask("RunTask", taskDefinition="app"))["tasks"][0]["taskArn"]
    return {
        "cluster": ARN + "cluster/default",
        "instance": f"{ARN}container-instance/default/{instance}",
        "service": ARN + "service/default/web",
        "task": task,
        "definition": ARN + "task-definition/app:1",
        "provider": ARN + "capacity-provider/spot",
        "set": await task_set(asker),
    }


async def task_set(asker: Asker) -> str:
    """Make a task set; its ARN."""
    await asker.ask("CreateService", serviceName="sets", desiredCount=0, deploymentController={"type": "EXTERNAL"})
    made = await asker.ask("CreateTaskSet", cluster="default", service="sets", taskDefinition="app")
    return str(made["taskSet"]["taskSetArn"])


async def included(asker: Asker, noun: str, arn: str) -> list[dict[str, str]]:
    """Ask the noun's own description for tags."""
    asked: dict[str, tuple[str, dict[str, Any], str]] = {
        "cluster": ("DescribeClusters", {"clusters": [arn]}, "clusters"),
        "instance": ("DescribeContainerInstances", {"containerInstances": [arn]}, "containerInstances"),
        "service": ("DescribeServices", {"services": [arn]}, "services"),
        "task": ("DescribeTasks", {"tasks": [arn]}, "tasks"),
        "provider": ("DescribeCapacityProviders", {"capacityProviders": [arn]}, "capacityProviders"),
    }
    if noun == "set":
        asked["set"] = ("DescribeTaskSets", {"cluster": "default", "service": "sets", "taskSets": [arn]}, "taskSets")
    if noun == "definition":
        plain = await asker.ask("DescribeTaskDefinition", taskDefinition=arn)
        assert plain["tags"] == []
        return list((await asker.ask("DescribeTaskDefinition", taskDefinition=arn, include=["TAGS"]))["tags"])
    operation, members, key = asked[noun]
    plain = await asker.ask(operation, **members)
    assert not plain[key][0].get("tags")
    return list((await asker.ask(operation, **members, include=["TAGS"]))[key][0]["tags"])


@pytest.mark.parametrize("noun", ["cluster", "instance", "service", "task", "definition", "provider", "set"])
async def test_tags_come_and_go(noun: str) -> None:
    async with asking() as asker:
        arn = (await furnish(asker))[noun]
        assert await asker.ask("ListTagsForResource", resourceArn=arn) == {"tags": []}
        assert await asker.ask("TagResource", resourceArn=arn, tags=[BLUE, COST]) == {}
        assert await asker.ask("ListTagsForResource", resourceArn=arn) == {"tags": [BLUE, COST]}
        assert await included(asker, noun, arn) == [BLUE, COST]
        await asker.ask("TagResource", resourceArn=arn, tags=[{"key": "cost", "value": "7"}])
        assert await asker.ask("UntagResource", resourceArn=arn, tagKeys=["team"]) == {}
        assert await included(asker, noun, arn) == [{"key": "cost", "value": "7"}]


@pytest.mark.parametrize(
    ("resource", "code", "message"),
    [
        ("cluster/never", "ClusterNotFoundException", "Cluster not found."),
        ("task/never/0", "ClusterNotFoundException", "Cluster not found."),
        ("task/default/0", "InvalidParameterException", "The specified task was not found."),
        ("task-definition/app:9", "InvalidParameterException", "The specified task definition was not found."),
        ("task-definition/app:x", "InvalidParameterException", "The specified task definition was not found."),
        ("capacity-provider/never", "InvalidParameterException", "The specified capacity provider was not found."),
        ("service/web", "InvalidParameterException", "Long arn format must be used for tagging operations"),
        ("shoe/web", "InvalidParameterException", "The ARN provided is invalid."),
    ],
)
async def test_what_is_not_there_has_no_tags(resource: str, code: str, message: str) -> None:
    async with asking() as asker:
        await asker.furnish(0)
        assert await asker.refusal("ListTagsForResource", resourceArn=ARN + resource) == (code, message)


async def test_a_deleted_cluster_has_none_either() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster", tags=[BLUE])
        assert (await asker.ask("ListTagsForResource", resourceArn=ARN + "cluster/default"))["tags"] == [BLUE]
        await asker.ask("DeleteCluster", cluster="default")
        assert await asker.refusal("ListTagsForResource", resourceArn=ARN + "cluster/default") == (
            "InvalidParameterException",
            "The specified cluster is inactive. Specify an active cluster and try again.",
        )


async def test_a_revision_beyond_all_numbers_is_none() -> None:
    async with asking() as asker:
        arn = ARN + "task-definition/app:" + "9" * 30
        assert (await asker.refusal("ListTagsForResource", resourceArn=arn))[0] == "InvalidParameterException"
