"""AWS JSON 1.1, without a network."""

from __future__ import annotations

import json
import re

import pytest

from quarterdeck.engine.api import protocol
from quarterdeck.engine.core.errors import ConflictException, UnknownOperationException


def test_a_target_names_an_operation() -> None:
    assert protocol.operation_of("AmazonEC2ContainerServiceV20141113.RunTask") == "RunTask"


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "RunTask",
        "AmazonEC2ContainerServiceV20141113.",
        "AmazonEC2ContainerServiceV20141113.Run Task",
        "DynamoDB_20120810.ListTables",
        "AmazonEC2ContainerServiceV20141113.RunTask.RunTask",
        "x" * 10_000,
    ],
)
def test_other_targets_are_refused(target: str | None) -> None:
    with pytest.raises(UnknownOperationException) as caught:
        protocol.operation_of(target)
    assert len(caught.value.message) < 300


def test_metrics_do_not_grow_with_what_callers_invent() -> None:
    assert protocol.label("AmazonEC2ContainerServiceV20141113.RunTask") == "RunTask"
    assert protocol.label("AmazonEC2ContainerServiceV20141113.Invented") == protocol.label(None) == "unknown"


def test_an_error_has_its_members_in_ecs_spelling() -> None:
    refusal = ConflictException("no", resource_ids=["a"])
    assert json.loads(protocol.error(refusal)) == {"__type": "ConflictException", "message": "no", "resourceIds": ["a"]}


def test_request_ids_are_uuids() -> None:
    made = {protocol.new_request_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", each) for each in made
    )
