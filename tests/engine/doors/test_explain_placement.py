"""ExplainPlacement at the door: tasks placed and not placed, services that wait, and what would happen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.engine.doors.asking import ARN, CONTAINER, Asker, asking

HUGE = {**CONTAINER, "cpu": 600_000, "memory": 64}
SHORT = "needs 600000 CPU units, 400000 left"


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with asking() as found:
        await found.furnish(3)
        await found.define("huge", containerDefinitions=[HUGE])
        yield found


async def decisions(asker: Asker, **asked: Any) -> list[dict[str, Any]]:
    return list((await asker.ask("ExplainPlacement", **asked))["decisions"])


async def test_a_task_is_explained_by_every_instances_verdict_when_it_was_placed(asker: Asker) -> None:
    first, second = [(await asker.ask("RunTask", taskDefinition="huge"))["tasks"][0] for _ in range(2)]
    (found,) = await decisions(asker, task=second["taskArn"])
    assert (found["outcome"], found["agrees"]) == ("PLACED", True)
    assert found["containerInstanceArn"] == second["containerInstanceArn"]
    chosen, other, full = found["verdicts"]
    assert (chosen["chosen"], chosen["fits"], other["fits"]) == (True, True, True)
    assert full["containerInstanceArn"] == first["containerInstanceArn"]
    assert (full["fits"], full["reason"], full["detail"]) == (False, "RESOURCE:CPU", SHORT)
    assert found["tieBreak"] == "the lowest id, of 2 equal instances"
    assert found["preference"].startswith("fewest tasks of the group in the zone, then")


async def test_a_task_is_found_by_how_its_id_begins(asker: Asker) -> None:
    arn = (await asker.ask("RunTask", taskDefinition="huge"))["tasks"][0]["taskArn"]
    (found,) = await decisions(asker, task=arn.rpartition("/")[2][:8])
    assert found["task"] == arn.rpartition("/")[2]


async def test_a_task_that_fits_nowhere_is_explained_by_the_number_each_instance_lacks(asker: Asker) -> None:
    for _ in range(3):
        await asker.ask("RunTask", taskDefinition="huge")
    answer = await asker.ask("RunTask", taskDefinition="huge", count=2)
    assert {each["detail"] for each in answer["failures"]} == {SHORT}
    position = str(asker.replica.keeper.sequence)
    (found,) = await decisions(asker, placement=position)
    assert (found["outcome"], found["agrees"], found["count"]) == ("FAILED", True, 2)
    assert [each["detail"] for each in found["verdicts"]] == [SHORT] * 3
    assert "containerInstanceArn" not in found
    assert await decisions(asker, placement=found["commit"]) == [found]


async def test_overrides_and_constraints_of_a_failed_task_are_part_of_its_explanation(asker: Asker) -> None:
    constraints = [{"type": "memberOf", "expression": "attribute:stack == blue"}]
    await asker.ask("RunTask", taskDefinition="app", placementConstraints=constraints)
    (found,) = await decisions(asker, placement=str(asker.replica.keeper.sequence))
    assert {each["detail"] for each in found["verdicts"]} == {"is not: attribute:stack == blue"}


async def test_a_service_says_what_it_waits_for_and_where_its_next_task_would_go(asker: Asker) -> None:
    await asker.ask("CreateService", serviceName="web", taskDefinition="huge", desiredCount=4)
    await asker.appear(3, serviceName="web")
    await asker.run_all()
    found = await asker.ask("ExplainPlacement", service="web")
    (waits,) = found["waitingFor"]
    assert waits.startswith("room for 1 tasks: ")
    assert waits.count(SHORT) == 3
    (decision,) = found["decisions"]
    assert (decision["outcome"], decision["group"]) == ("DRY_RUN", "service:web")
    assert [each["detail"] for each in decision["verdicts"]] == [SHORT] * 3


async def test_a_service_with_all_it_wants_waits_for_nothing(asker: Asker) -> None:
    await asker.ask("CreateService", serviceName="web", taskDefinition="huge", desiredCount=2)
    await asker.settle()
    found = await asker.ask("ExplainPlacement", service="web")
    assert found["waitingFor"] == []
    assert found["decisions"][0]["containerInstanceArn"]


async def test_a_dry_run_says_where_a_task_would_go_and_changes_nothing(asker: Asker) -> None:
    before = asker.replica.keeper.view.fingerprint()
    (found,) = await decisions(asker, taskDefinition="huge:1")
    assert (found["outcome"], found["group"]) == ("DRY_RUN", "family:huge")
    assert asker.replica.keeper.view.fingerprint() == before
    ran = (await asker.ask("RunTask", taskDefinition="huge:1"))["tasks"][0]
    assert ran["containerInstanceArn"] == found["containerInstanceArn"]


async def test_a_dry_run_for_a_service_takes_its_settings_and_another_revision(asker: Asker) -> None:
    await asker.ask("CreateService", serviceName="web", taskDefinition="app", desiredCount=1)
    found = await asker.ask("ExplainPlacement", service="web", taskDefinition="huge:1")
    assert (found["decisions"][0]["taskDefinition"], found["decisions"][0]["group"]) == ("huge:1", "service:web")


async def test_a_task_started_on_an_instance_says_that_nothing_was_chosen(asker: Asker) -> None:
    (instance, *_) = (await asker.ask("ListContainerInstances"))["containerInstanceArns"]
    started = await asker.ask("StartTask", taskDefinition="huge", containerInstances=[instance])
    (found,) = await decisions(asker, task=started["tasks"][0]["taskArn"])
    assert (found["outcome"], found["containerInstanceArn"]) == ("STARTED", instance)
    assert "agrees" not in found
    again = await asker.ask("StartTask", taskDefinition="huge", containerInstances=[instance])
    assert [each["detail"] for each in again["failures"]] == [SHORT]


async def test_an_empty_cluster_is_said_to_be_empty(asker: Asker) -> None:
    await asker.ask("CreateCluster", clusterName="empty")
    await asker.ask("CreateService", cluster="empty", serviceName="web", taskDefinition="app", desiredCount=1)
    found = await asker.ask("ExplainPlacement", cluster="empty", service="web")
    assert found["waitingFor"] == ["room for 1 tasks: the cluster has no container instances"]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "Say what to explain: one of task, placement, service and taskDefinition."),
        ({"task": "1", "service": "web"}, "Say what to explain: one of task, placement, service and taskDefinition."),
        ({"task": "nothing"}, "No task nothing was ever placed."),
        ({"task": f"{ARN}task/default/{'0' * 32}"}, f"No task {'0' * 32} was ever placed."),
        ({"placement": "9.9"}, "Nothing was placed, or failed to be, at 9.9 in cluster default."),
        ({"placement": "soon"}, "soon is neither a position of the log (57) nor the id of a commit (1.23)."),
        ({"service": "none"}, "Service not found."),
        ({"taskDefinition": "none"}, "TaskDefinition not found."),
        ({"taskDefinition": "app", "group": "service:web"}, "Invalid task group"),
        ({"service": "web", "group": "g"}, "group: only of a taskDefinition alone can that be asked."),
        (
            {"service": "web", "taskDefinition": "app", "overrides": {"cpu": "1"}, "placementStrategy": [{}]},
            "overrides, placementStrategy: only of a taskDefinition alone can that be asked.",
        ),
    ],
)
async def test_what_is_not_there_can_not_be_explained(asker: Asker, asked: dict[str, str], says: str) -> None:
    _, message = await asker.refusal("ExplainPlacement", **asked)
    assert message.startswith(says)


async def test_a_task_that_waits_says_what_it_lacked_and_what_stops_it_now(asker: Asker) -> None:
    tags = [{"key": "quarterdeck:queueTimeoutSeconds", "value": "60"}]
    await asker.ask("RunTask", taskDefinition="huge", count=3)
    (waiting,) = (await asker.ask("RunTask", taskDefinition="huge", tags=tags))["tasks"]
    found = await asker.ask("ExplainPlacement", task=waiting["taskArn"])
    assert [each["outcome"] for each in found["decisions"]] == ["QUEUED", "DRY_RUN"]
    assert [[row["detail"] for row in each["verdicts"]] for each in found["decisions"]] == [[SHORT] * 3] * 2
    (waits,) = found["waitingFor"]
    assert waits.startswith("room, for ")
    assert waits.count(SHORT) == 3
    await asker.ask("StopTask", task=waiting["taskArn"])
    cancelled = await asker.ask("ExplainPlacement", task=waiting["taskArn"])
    assert ([each["outcome"] for each in cancelled["decisions"]], "waitingFor" in cancelled) == (["QUEUED"], False)


async def test_a_task_that_waited_is_followed_to_its_place(asker: Asker) -> None:
    tags = [{"key": "quarterdeck:queueTimeoutSeconds", "value": "60"}]
    first, *_ = (await asker.ask("RunTask", taskDefinition="huge", count=3))["tasks"]
    (waiting,) = (await asker.ask("RunTask", taskDefinition="huge", tags=tags))["tasks"]
    await asker.ask("StopTask", task=first["taskArn"])
    await asker.ask("SubmitTaskStateChange", task=first["taskArn"], status="STOPPED")

    async def outcomes() -> list[str]:
        return [each["outcome"] for each in await decisions(asker, task=waiting["taskArn"])]

    await asker.until(outcomes, ["QUEUED", "PLACED"])
    queued, placed = await decisions(asker, task=waiting["taskArn"])
    assert (queued["outcome"], placed["outcome"], placed["agrees"]) == ("QUEUED", "PLACED", True)
    assert placed["containerInstanceArn"] == first["containerInstanceArn"]


async def test_a_dry_run_of_a_task_with_a_network_of_its_own_says_where_its_subnets_are(asker: Asker) -> None:
    await asker.define("own", networkMode="awsvpc")
    await asker.join(attributes={"ecs.capability.task-eni": "", "quarterdeck.subnets": "subnet-1"})
    network = {"awsvpcConfiguration": {"subnets": ["subnet-2"]}}
    (found,) = await decisions(asker, taskDefinition="own", networkConfiguration=network)
    details = {each["reason"]: each["detail"] for each in found["verdicts"]}
    assert details["LOCATION"] == "is in subnet-1, not in subnet-2"


async def test_a_task_of_a_cluster_that_was_deleted_is_explained_still(asker: Asker) -> None:
    tags = [{"key": "quarterdeck:queueTimeoutSeconds", "value": "60"}]
    await asker.ask("CreateCluster", clusterName="gone")
    (waiting,) = (await asker.ask("RunTask", cluster="gone", taskDefinition="app", tags=tags))["tasks"]
    await asker.ask("StopTask", cluster="gone", task=waiting["taskArn"])
    await asker.ask("DeleteCluster", cluster="gone")
    (found,) = await decisions(asker, task=waiting["taskArn"])
    assert (found["outcome"], found["cluster"], found["verdicts"]) == ("QUEUED", "gone", [])
    assert await decisions(asker, cluster="gone", placement=found["commit"]) == [found]
    assert await asker.refusal("ExplainPlacement", cluster="gone", taskDefinition="app") == (
        "ClusterNotFoundException",
        "The referenced cluster was inactive.",
    )


async def test_how_several_ids_begin_names_no_task(asker: Asker) -> None:
    tasks = (await asker.ask("RunTask", taskDefinition="app", count=10))["tasks"]
    tasks += (await asker.ask("RunTask", taskDefinition="app", count=10))["tasks"]
    begins = [each["taskArn"].rpartition("/")[2][0] for each in tasks]
    shared = next(each for each in begins if begins.count(each) > 1)
    code, message = await asker.refusal("ExplainPlacement", task=shared)
    assert code == "InvalidParameterException"
    assert message.startswith(f"{shared} is how the ids of {begins.count(shared)} tasks begin (")
