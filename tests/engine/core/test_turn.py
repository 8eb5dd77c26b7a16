"""Turns: how requests name what they mean (spec §2.2), and what is refused."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core.turn import local_name, revision_number
from quarterdeck.events.cluster import ClusterDeleted
from quarterdeck.events.names import Namespace
from quarterdeck.events.task_definition import TaskDefinitionDeregistered
from tests.engine.core.story import ARN, Story, defined, given

HERE = Namespace("us-east-1", "000000000000")


@pytest.mark.parametrize("reference", [None, "", "default", ARN + "cluster/default"])
def test_a_cluster_is_named_by_name_or_arn_and_default_when_not_at_all(reference: str | None) -> None:
    assert given().turn().cluster(reference).name == "default"


def test_the_default_cluster_is_assumed_but_not_made() -> None:
    assert Story().refusal(lambda turn: turn.cluster(None)) == ("ClusterNotFoundException", "Cluster not found.")


def test_an_inactive_cluster_is_not_usable() -> None:
    story = given(ClusterDeleted(cluster="default"))
    expected = ("ClusterNotFoundException", "The referenced cluster was inactive.")
    assert story.refusal(lambda turn: turn.cluster("default")) == expected


@pytest.mark.parametrize(
    ("reference", "revision"),
    [
        ("app", "app:2"),
        ("app:1", "app:1"),
        ("app:3", "app:3"),
        (ARN + "task-definition/app:2", "app:2"),
        (ARN + "task-definition/app", "app:2"),
    ],
)
def test_a_family_means_its_latest_active_revision_and_a_revision_itself(reference: str, revision: str) -> None:
    story = given(defined("app:1"), defined("app:2"), defined("app:3"))
    story.given(TaskDefinitionDeregistered(family="app", revision=3))
    assert story.turn().definition(reference).name == revision


@pytest.mark.parametrize("reference", ["job", "app:9", ARN + "task-definition/job:1"])
def test_an_unknown_task_definition_is_not_found(reference: str) -> None:
    expected = ("ClientException", "TaskDefinition not found.")
    assert given(defined()).refusal(lambda turn: turn.definition(reference)) == expected


def test_a_family_without_an_active_revision_is_not_found() -> None:
    story = given(defined(), TaskDefinitionDeregistered(family="app", revision=1))
    assert story.refusal(lambda turn: turn.definition("app")) == ("ClientException", "TaskDefinition not found.")


def test_a_task_definition_must_be_named() -> None:
    expected = ("ClientException", "TaskDefinition can not be blank.")
    assert given().refusal(lambda turn: turn.definition(None)) == expected


@pytest.mark.parametrize("text", ["x", "-1", "1.0", "²", "٣", "9" * 5000])
def test_a_revision_is_a_number(text: str) -> None:
    expected = ("InvalidParameterException", f"Invalid revision number. Number: {text}")
    assert given(defined()).refusal(lambda _: revision_number(text)) == expected


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("arn:aws:ecs:us-east-1:111111111111:task/default/1", "AccountIDs mismatch"),
        (
            "arn:aws:ecs:eu-west-1:000000000000:task/default/1",
            (
                "Invalid identifier: arn:aws:ecs:eu-west-1:000000000000:task/default/1 "
                "is of region eu-west-1, this is us-east-1."
            ),
        ),
        (ARN + "task/other/1", f"Invalid identifier: {ARN}task/other/1 is of cluster other, not of default."),
        (ARN + "service/default/1", f"Invalid identifier: {ARN}service/default/1 is not the ARN of a task."),
        ("arn:aws:s3:::bucket", "Invalid identifier: arn:aws:s3:::bucket is not the ARN of a task."),
    ],
)
def test_an_arn_of_something_else_is_refused(arn: str, message: str) -> None:
    expected = ("InvalidParameterException", message)
    assert Story().refusal(lambda _: local_name(HERE, "task", arn, "default")) == expected


def test_short_arns_of_old_are_still_understood() -> None:
    assert local_name(HERE, "task", ARN + "task/0123", "default") == "0123"
