"""Clusters: created, created again, deleted when empty (spec §3.3)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import cluster
from quarterdeck.engine.core.capacity_provider import NOT_FOUND
from quarterdeck.events import shapes
from quarterdeck.events.cluster import ClusterCreated, ClusterDeleted
from quarterdeck.events.container_instance import ContainerInstanceDeregistered
from quarterdeck.events.service import ServiceDeleted, ServiceDrained
from quarterdeck.events.task import TaskStopRequested
from tests.engine.core.story import ARN, Story, created, defined, given, joined, placed, stopped

CREATE = shapes.CreateClusterRequest
DELETE = shapes.DeleteClusterRequest
INSIGHTS_OFF = [shapes.ClusterSetting(name="containerInsights", value="disabled")]
INCONSISTENT = (
    "InvalidParameterException",
    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
)


def insights(value: str, name: str = "containerInsights") -> list[shapes.ClusterSetting]:
    return [shapes.ClusterSetting(name=name, value=value)]


def test_a_cluster_without_a_name_is_called_default() -> None:
    assert Story().when(cluster.create, CREATE()) == [ClusterCreated(cluster="default", settings=INSIGHTS_OFF)]


def test_a_cluster_keeps_what_it_was_created_with() -> None:
    tags = [shapes.Tag(key="team", value="blue")]
    request = CREATE(cluster_name="prod", settings=insights("enhanced"), tags=tags)
    assert Story().when(cluster.create, request) == [
        ClusterCreated(cluster="prod", settings=insights("enhanced"), tags=tags)
    ]


def test_creating_a_cluster_again_changes_nothing() -> None:
    story = Story()
    request = CREATE(cluster_name="prod", settings=insights("enabled"), tags=[shapes.Tag(key="a", value="b")])
    story.when(cluster.create, request)
    assert story.when(cluster.create, request) == []
    assert story.when(cluster.create, CREATE(cluster_name="prod")) == [], "what is not said may be anything"


@pytest.mark.parametrize(
    "other",
    [
        CREATE(settings=insights("enabled")),
        CREATE(tags=[shapes.Tag(key="a", value="b")]),
        CREATE(configuration=shapes.ClusterConfiguration()),
        CREATE(service_connect_defaults=shapes.ClusterServiceConnectDefaultsRequest(namespace="x")),
    ],
)
def test_a_cluster_is_not_created_again_as_something_else(other: shapes.CreateClusterRequest) -> None:
    story = Story()
    story.when(cluster.create, CREATE())
    assert story.refusal(cluster.create, other) == INCONSISTENT


def test_an_inactive_cluster_is_created_anew_and_empty() -> None:
    story = given(defined(), joined("a1"), placed("t1", "a1"), stopped("t1"))
    story.given(ContainerInstanceDeregistered(cluster="default", container_instance="a1"))
    story.given(ClusterDeleted(cluster="default"))
    assert len(story.when(cluster.create, CREATE())) == 1
    assert story.cluster().status == "ACTIVE"
    assert (story.cluster().instances, story.cluster().tasks) == ({}, {})


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (CREATE(cluster_name="no spaces"), "InvalidParameterException", "Invalid cluster name."),
        (CREATE(cluster_name="a" * 256), "InvalidParameterException", "Invalid cluster name."),
        (CREATE(settings=insights("on")), "InvalidParameterException", "Invalid setting 'value'"),
        (CREATE(settings=insights("enabled", "insights")), "InvalidParameterException", "Invalid setting 'name'"),
        (
            CREATE(capacity_providers=["spot"]),
            "InvalidParameterException",
            NOT_FOUND,
        ),
    ],
)
def test_a_cluster_that_can_not_be_is_refused(request_: shapes.CreateClusterRequest, code: str, message: str) -> None:
    assert Story().refusal(cluster.create, request_) == (code, message)


def test_an_empty_cluster_is_deleted_by_name_or_arn() -> None:
    for reference in ("default", ARN + "cluster/default"):
        assert given().when(cluster.delete, DELETE(cluster=reference)) == [ClusterDeleted(cluster="default")]


def test_deleting_an_inactive_cluster_changes_nothing() -> None:
    assert given(ClusterDeleted(cluster="default")).when(cluster.delete, DELETE(cluster="default")) == []


def test_a_cluster_that_never_was_can_not_be_deleted() -> None:
    expected = ("ClusterNotFoundException", "Cluster not found.")
    assert given().refusal(cluster.delete, DELETE(cluster="other")) == expected


def test_which_cluster_to_delete_must_be_said() -> None:
    expected = ("InvalidParameterException", "Cluster can not be blank.")
    assert given().refusal(cluster.delete, DELETE(cluster="")) == expected


def test_a_cluster_of_another_account_is_not_ours_to_delete() -> None:
    arn = "arn:aws:ecs:us-east-1:111111111111:cluster/default"
    assert given().refusal(cluster.delete, DELETE(cluster=arn)) == ("InvalidParameterException", "AccountIDs mismatch")


def test_a_cluster_with_container_instances_is_not_deleted() -> None:
    expected = (
        "ClusterContainsContainerInstancesException",
        "The Cluster cannot be deleted while Container Instances are active or draining.",
    )
    assert given(joined("a1")).refusal(cluster.delete, DELETE(cluster="default")) == expected


def test_a_cluster_with_a_service_is_not_deleted_even_while_it_drains() -> None:
    story = given(defined(), created(count=0))
    expected = ("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    assert story.refusal(cluster.delete, DELETE(cluster="default")) == expected
    story.given(ServiceDeleted(cluster="default", service="web"))
    assert story.refusal(cluster.delete, DELETE(cluster="default")) == expected
    story.given(ServiceDrained(cluster="default", service="web"))
    assert story.when(cluster.delete, DELETE(cluster="default")) == [ClusterDeleted(cluster="default")]


def test_a_cluster_with_tasks_is_not_deleted_until_they_are_stopped() -> None:
    story = given(defined(), joined("a1"), placed("t1", "a1"))
    story.cluster().instances["a1"].status = "INACTIVE"  # nothing else can leave a task without an instance
    expected = ("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    assert story.refusal(cluster.delete, DELETE(cluster="default")) == expected
    story.given(TaskStopRequested(cluster="default", task="t1", stop_code="UserInitiated", reason=""))
    assert story.refusal(cluster.delete, DELETE(cluster="default")) == expected
    story.given(stopped("t1"))
    assert story.when(cluster.delete, DELETE(cluster="default")) == [ClusterDeleted(cluster="default")]
