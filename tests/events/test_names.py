"""Names and ARNs (spec §2.1)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.events.names import Arn, Namespace, container_uuid, parse_arn, short_name

HERE = Namespace("us-east-1", "123456789012")
PREFIX = "arn:aws:ecs:us-east-1:123456789012:"


@pytest.mark.parametrize(
    ("arn", "kind", "path"),
    [
        (HERE.cluster_arn("prod"), "cluster", ("prod",)),
        (HERE.container_instance_arn("prod", "0f"), "container-instance", ("prod", "0f")),
        (HERE.task_arn("prod", "0f"), "task", ("prod", "0f")),
        (HERE.service_arn("prod", "web"), "service", ("prod", "web")),
        (HERE.container_arn("prod", "0f", "u-u"), "container", ("prod", "0f", "u-u")),
        (HERE.task_definition_arn("app:3"), "task-definition", ("app:3",)),
    ],
)
def test_an_arn_is_taken_apart_into_what_it_was_made_of(arn: str, kind: str, path: tuple[str, ...]) -> None:
    assert arn == f"{PREFIX}{kind}/{'/'.join(path)}"
    assert parse_arn(arn) == Arn(HERE, kind, path)


def test_short_arns_of_old_are_taken_apart_too() -> None:
    assert parse_arn(PREFIX + "task/0f") == Arn(HERE, "task", ("0f",))


@pytest.mark.parametrize(
    "text", ["", "web", "arn:aws:s3:us-east-1:123456789012:task/x", "arn:aws:ecs:us-east-1", PREFIX + "task", PREFIX]
)
def test_what_is_no_ecs_arn_is_none(text: str) -> None:
    assert parse_arn(text) is None


@given(st.text())
def test_any_text_is_an_arn_or_not(text: str) -> None:
    found = parse_arn(text)
    assert found is None or text.startswith("arn:")


@given(st.from_regex(r"[a-z]{2}-[a-z]+-[0-9]", fullmatch=True), st.from_regex(r"[0-9]{12}", fullmatch=True))
def test_a_namespace_is_read_as_it_is_written(region: str, account: str) -> None:
    assert Namespace.parse(str(Namespace(region, account))) == Namespace(region, account)


def test_a_short_name_is_the_last_part() -> None:
    assert short_name(HERE.service_arn("prod", "web")) == "web"
    assert short_name("web") == "web"


def test_containers_of_a_task_have_uuids_of_their_own_each_time_the_same() -> None:
    task = "f" * 32
    uuids = [container_uuid(task, index) for index in range(3)]
    assert uuids == [container_uuid(task, index) for index in range(3)]
    assert len(set(uuids)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid) for uuid in uuids)
