"""Feed messages: what events of no task, service or instance look like to outsiders."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from quarterdeck.engine.core import task
from quarterdeck.engine.doors.feed_message import Item, payload, subject
from quarterdeck.engine.doors.service_action import acted
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.commit import Commit
from quarterdeck.events.service import ServiceTaskPlacementFailed, ServiceUpdated
from tests.engine.core.story import ARN, NAMESPACE, created, defined, given, joined

GOLDEN = Path(__file__).parents[2] / "golden"


def item(name: str) -> Item:
    event = msgspec.json.decode((GOLDEN / f"{name}.v1.json").read_bytes(), type=AnyEvent)
    commit = Commit(id="1.1", at=0.0, namespace=NAMESPACE, actor="me", operation="Test", events=[event])
    return Item(7, 1, 1, commit, event)


@pytest.mark.parametrize(
    ("name", "where", "resource"),
    [
        ("ResourceTagged", "prod.tag.web", ARN + "service/prod/web"),
        ("CapacityProviderDeleted", "-.capacity_provider.asg", ARN + "capacity-provider/asg"),
        ("AccountSettingPut", "-.account_setting.containerInsights", "arn:aws:iam::000000000000:user/ann"),
        ("ClusterUpdated", "prod.cluster.prod", ARN + "cluster/prod"),
        ("AlarmStateChanged", "-.alarm.errors", "errors"),
        ("DeploymentStageEntered", "prod.service.web", ARN + "service/prod/web"),
    ],
)
def test_an_event_of_ours_names_what_it_is_about(name: str, where: str, resource: str) -> None:
    told = item(name)
    assert subject(told) == f"qd.feed.us-east-1.000000000000.{where}.{name}"
    message = json.loads(payload(told, "log", None))
    assert (message["detail-type"], message["resources"]) == (f"Quarterdeck {name}", [resource])


@pytest.mark.parametrize(
    ("name", "kind", "event_type", "event_name"),
    [
        ("DeploymentStarted", "ECS Deployment State Change", "INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
        ("DeploymentCompleted", "ECS Deployment State Change", "INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
        ("DeploymentFailed", "ECS Deployment State Change", "ERROR", "SERVICE_DEPLOYMENT_FAILED"),
        ("ServiceSteadyStateReached", "ECS Service Action", "INFO", "SERVICE_STEADY_STATE"),
        ("ServiceTaskStartImpaired", "ECS Service Action", "WARN", "SERVICE_TASK_START_IMPAIRED"),
        ("TaskSetSteadyStateReached", "ECS Service Action", "INFO", "TASKSET_STEADY_STATE"),
        ("ServiceScaleInBlocked", "ECS Service Action", "INFO", "TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION"),
        ("ServiceRebalancingStarted", "ECS Service Action", "INFO", "SERVICE_REBALANCING_STARTED"),
        ("ServiceRebalancingStopped", "ECS Service Action", "INFO", "SERVICE_REBALANCING_STOPPED"),
        ("ServiceRebalancingCompleted", "ECS Service Action", "INFO", "SERVICE_REBALANCING_COMPLETED"),
    ],
)
def test_what_ecs_tells_of_services_is_told_as_ecs_does(name: str, kind: str, event_type: str, event_name: str) -> None:
    told = json.loads(payload(item(name), "log", None))
    assert (told["detail-type"], told["resources"]) == (kind, [ARN + "service/prod/web"])
    detail = told["detail"]
    assert (detail["eventType"], detail["eventName"]) == (event_type, event_name)
    if name == "DeploymentFailed":
        assert detail["reason"] == "ECS deployment circuit breaker: tasks failed to start."


def test_what_a_commit_does_to_a_services_tasks_is_one_service_action() -> None:
    story = given(defined("app:1"), joined("a1"), created(count=3))
    story.reconcile()
    tasks = [each.id for each in story.live()]
    story.when(task.stop, shapes.StopTaskRequest(task=tasks[0]))
    assert list(acted(story.commits[-1])) == [], "what a caller stops is not the scheduler's action"
    story.given(ServiceUpdated(cluster="default", service="web", desired_count=0))
    story.reconcile()
    started, stopped = [list(acted(story.commits[number])) for number in (1, -1)]
    for place, (told, name, named) in enumerate(
        [(started, "TASKS_STARTED", tasks), (stopped, "TASKS_STOPPED", sorted(tasks[1:], reverse=True))]
    ):
        (action,) = told
        item_ = Item(7, 1, 9 + place, story.commits[-1], action)
        kind = name.title().replace("_", "")
        assert subject(item_) == f"qd.feed.us-east-1.000000000000.default.service.web.{kind}"
        message = json.loads(payload(item_, "log", None))
        assert (message["detail-type"], message["resources"]) == ("ECS Service Action", [ARN + "service/default/web"])
        detail = message["detail"]
        assert detail.pop("quarterdeck")["operation"] == "Test"
        assert detail.pop("createdAt").endswith("Z")
        arns = [f"{ARN}task/default/{each}" for each in named]
        cluster = ARN + "cluster/default"
        assert detail == {"eventType": "INFO", "eventName": name, "clusterArn": cluster, "taskArns": arns}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("RESOURCE:CPU", "RESOURCE:CPU"), ("STATUS", "AGENT"), ("", "NO ACTIVE INSTANCES")],
)
def test_a_placement_that_failed_says_why_in_ecs_words(reason: str, expected: str) -> None:
    found = item("ServiceTaskPlacementFailed")
    assert isinstance(found.event, ServiceTaskPlacementFailed)
    event = msgspec.structs.replace(found.event, reason=reason)
    detail = json.loads(payload(msgspec.structs.replace(found, event=event), "log", None))["detail"]
    assert (detail["eventType"], detail["eventName"]) == ("ERROR", "SERVICE_TASK_PLACEMENT_FAILURE")
    assert detail["reason"] == expected
    assert detail["containerInstanceArns"] == [ARN + f"container-instance/prod/{event.closest}"]
