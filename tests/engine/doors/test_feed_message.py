"""Feed messages: what events of no task, service or instance look like to outsiders."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from quarterdeck.engine.doors.feed_message import Item, payload, subject
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.commit import Commit
from tests.engine.core.story import ARN, NAMESPACE

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
