"""Tags: put on, taken off, counted, and on what (spec §2.4)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import tag, task
from quarterdeck.events import shapes
from quarterdeck.events.capacity_provider import CapacityProviderCreated, CapacityProviderDeleted
from quarterdeck.events.cluster import ClusterCreated, ClusterDeleted
from quarterdeck.events.container_instance import ContainerInstanceDeregistered
from quarterdeck.events.service import ServiceDeleted, ServiceDrained
from quarterdeck.events.tag import ResourceTagged, ResourceUntagged
from quarterdeck.events.task import TaskStopRequested
from quarterdeck.events.task_definition import TaskDefinitionDeregistered
from quarterdeck.events.task_set import TaskSetCreated
from tests.engine.core.story import ARN, Story, created, defined, given, joined, placed, stopped

TAG = shapes.TagResourceRequest
UNTAG = shapes.UntagResourceRequest
BLUE = shapes.Tag(key="team", value="blue")
BLUE_SET = "ecs-svc/1234567890123456789"
SETS = [
    created("sets", 0, deployment_controller=shapes.DeploymentController(type="EXTERNAL"))[0],
    TaskSetCreated(cluster="default", service="sets", task_set=BLUE_SET, task_definition="app:1", scale=0.0),
]
PROVIDER = CapacityProviderCreated(
    capacity_provider="spot", auto_scaling_group_provider=shapes.AutoScalingGroupProvider(auto_scaling_group_arn="g")
)
RESOURCES = [
    "cluster/default",
    "container-instance/default/a1",
    "service/default/web",
    "task/default/t1",
    "task-definition/app:1",
    "capacity-provider/spot",
    f"task-set/default/sets/{BLUE_SET}",
]


def furnished() -> Story:
    return given(PROVIDER, defined(), joined("a1"), created(count=0), *SETS, placed("t1", "a1"))


@pytest.mark.parametrize("resource", RESOURCES)
def test_everything_taggable_is_tagged_and_untagged(resource: str) -> None:
    story = furnished()
    arn = ARN + resource
    assert story.when(tag.tag, TAG(resource_arn=arn, tags=[BLUE])) == [ResourceTagged(resource=arn, tags=[BLUE])]
    assert story.when(tag.tag, TAG(resource_arn=arn, tags=[BLUE])) == []
    green = shapes.Tag(key="team", value="green")
    assert story.when(tag.tag, TAG(resource_arn=arn, tags=[green])) == [ResourceTagged(resource=arn, tags=[green])]
    assert story.when(tag.untag, UNTAG(resource_arn=arn, tag_keys=["team", "never", "team"])) == [
        ResourceUntagged(resource=arn, keys=["team"])
    ]
    assert story.when(tag.untag, UNTAG(resource_arn=arn, tag_keys=["team"])) == []
    assert story.retold().fingerprint() == story.view.fingerprint()


def test_tags_add_to_those_of_the_creation() -> None:
    story = given(ClusterCreated(cluster="prod", tags=[BLUE]))
    cost = shapes.Tag(key="cost", value="")
    story.when(tag.tag, TAG(resource_arn=ARN + "cluster/prod", tags=[cost]))
    assert story.cluster("prod").tags == [BLUE, cost]


def test_tagging_an_instance_does_not_change_its_version() -> None:
    story = furnished()
    before = story.cluster().instances["a1"].version
    story.when(tag.tag, TAG(resource_arn=ARN + "container-instance/default/a1", tags=[BLUE]))
    assert story.cluster().instances["a1"].version == before


def test_fifty_tags_are_enough_and_those_of_aws_are_not_counted() -> None:
    own = [shapes.Tag(key="aws:ecs:clusterName", value="default")]
    story = given(defined(), joined("a1"), placed("t1", "a1", tags=own))
    arn = ARN + "task/default/t1"
    fifty = [shapes.Tag(key=f"k{number}", value="") for number in range(50)]
    story.when(tag.tag, TAG(resource_arn=arn, tags=fifty))
    assert len(story.task("t1").tags) == 51
    expected = ("LimitExceededException", "Too many tags. A resource can have at most 50.")
    assert story.refusal(tag.tag, TAG(resource_arn=arn, tags=[BLUE])) == expected
    assert story.when(tag.tag, TAG(resource_arn=arn, tags=[shapes.Tag(key="k1", value="new")]))


@pytest.mark.parametrize(
    ("resource", "code", "message"),
    [
        ("cluster/never", "ClusterNotFoundException", "Cluster not found."),
        ("service/never/web", "ClusterNotFoundException", "Cluster not found."),
        ("service/default/never", "ResourceNotFoundException", "The specified service was not found."),
        ("task/default/never", "ResourceNotFoundException", "The specified task was not found."),
        ("container-instance/default/b1", "ResourceNotFoundException", "The specified container instance was not"),
        ("task-definition/app:9", "ResourceNotFoundException", "The specified task definition was not found."),
        ("task-definition/app", "ResourceNotFoundException", "The specified task definition was not found."),
        ("capacity-provider/never", "ResourceNotFoundException", "The specified capacity provider was not found."),
        ("capacity-provider/FARGATE", "InvalidParameterException", "The capacity provider FARGATE can not have tags."),
        ("service/web", "InvalidParameterException", "Long arn format must be used for tagging operations"),
        ("task/t1", "InvalidParameterException", "Long arn format must be used for tagging operations"),
        ("container/default/t1/x", "InvalidParameterException", "The ARN provided is invalid."),
        ("cluster/default/x", "InvalidParameterException", "The ARN provided is invalid."),
    ],
)
def test_what_is_not_there_is_not_tagged(resource: str, code: str, message: str) -> None:
    story = furnished()
    for decide, request in (
        (tag.tag, TAG(resource_arn=ARN + resource, tags=[BLUE])),
        (tag.untag, UNTAG(resource_arn=ARN + resource, tag_keys=["team"])),
    ):
        found = story.refusal(decide, request)
        assert found[0] == code
        assert found[1].startswith(message)


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        (None, "The ARN provided is invalid."),
        ("web", "The ARN provided is invalid."),
        ("arn:aws:s3:::bucket", "The ARN provided is invalid."),
        ("arn:aws:ecs:us-east-1:111111111111:cluster/default", "AccountIDs mismatch"),
    ],
)
def test_what_is_no_arn_of_ours_is_refused(arn: str | None, message: str) -> None:
    assert given().refusal(tag.tag, TAG(resource_arn=arn, tags=[BLUE])) == ("InvalidParameterException", message)


def test_what_ended_is_not_tagged() -> None:
    story = furnished().given(stopped("t1"))
    story.given(
        ContainerInstanceDeregistered(cluster="default", container_instance="a1"),
        ServiceDeleted(cluster="default", service="web"),
        ServiceDrained(cluster="default", service="web"),
        CapacityProviderDeleted(capacity_provider="spot"),
    )
    texts = {name: story.refusal(tag.tag, TAG(resource_arn=ARN + name, tags=[BLUE]))[1] for name in RESOURCES[1:4]}
    assert texts == {
        "container-instance/default/a1": "The specified container instance is inactive. "
        "Specify an active container instance and try again.",
        "service/default/web": "The specified service is inactive. Specify an active service and try again.",
        "task/default/t1": "The specified task is stopped. Specify a running task and try again.",
    }
    story.given(ClusterDeleted(cluster="default"))
    assert story.refusal(tag.untag, UNTAG(resource_arn=ARN + "cluster/default", tag_keys=["team"])) == (
        "InvalidParameterException",
        "The specified cluster is inactive. Specify an active cluster and try again.",
    )


def test_an_inactive_revision_may_still_be_tagged() -> None:
    story = given(defined(), TaskDefinitionDeregistered(family="app", revision=1))
    assert story.when(tag.tag, TAG(resource_arn=ARN + "task-definition/app:1", tags=[BLUE]))


def test_tags_of_aws_are_neither_set_nor_removed() -> None:
    arn = ARN + "cluster/default"
    reserved = TAG(resource_arn=arn, tags=[shapes.Tag(key="aws:x", value="")])
    assert given().refusal(tag.tag, reserved)[0] == "InvalidParameterException"
    removed = UNTAG(resource_arn=arn, tag_keys=["AWS:x"])
    assert given().refusal(tag.untag, removed)[0] == "InvalidParameterException"


def test_stopping_a_task_takes_its_tags() -> None:
    story = given(defined(), joined("a1"), placed("t1", "a1", tags=[BLUE]), placed("t2", "a1"))
    stop, untagged = story.when(task.stop, shapes.StopTaskRequest(task="t1"))
    assert isinstance(stop, TaskStopRequested)
    assert untagged == ResourceUntagged(resource=ARN + "task/default/t1", keys=["team"])
    assert len(story.when(task.stop, shapes.StopTaskRequest(task="t2"))) == 1
