"""Constraints: each rule of ECS's model, broken, is refused before anything is decided; what keeps them passes."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import Mock

import pytest

from quarterdeck.engine.core.errors import ClientException, InvalidParameterException, Refusal, SerializationException
from quarterdeck.engine.doors.constraints import OWN_TEXTS, hold
from quarterdeck.engine.doors.door import OPERATIONS, Door
from quarterdeck.events import shapes
from tests.engine.model import OPERATIONS as ALL
from tests.engine.model import breaks, example

DOOR = Door(Mock(), Mock(), Mock(), Mock(), "")


def refused(operation: str, request: Any) -> Refusal | None:
    try:
        hold(operation, DOOR.decode(operation, json.dumps(request).encode()))
    except Refusal as refusal:
        return refusal
    return None


@pytest.mark.parametrize("operation", ALL)
def test_the_least_request_is_valid(operation: str) -> None:
    assert refused(operation, example(operation)) is None


@pytest.mark.parametrize("operation", ALL)
def test_each_rule_broken_is_refused(operation: str) -> None:
    for broken in breaks(operation):
        found = refused(operation, broken.request)
        if broken.kind == "type":
            assert isinstance(found, SerializationException), broken
        elif broken.member not in OWN_TEXTS:
            kind = ClientException if operation == "RegisterTaskDefinition" else InvalidParameterException
            assert type(found) is kind, broken


def test_a_refusal_says_where_and_what() -> None:
    request = {"resourceArn": "a", "tags": [{"key": "a"}, {"key": "b"}] * 26}
    found = refused("TagResource", request)
    assert found is not None
    assert "at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50" in found.message
    found = refused("RunTask", {"taskDefinition": "a", "placementStrategy": [{"type": "spread"}, {"type": "best"}]})
    assert found is not None
    assert found.message == (
        "1 validation error detected: Value 'best' at 'placementStrategy.2.member.type' failed to satisfy constraint: "
        "Member must satisfy enum value set: [random, spread, binpack]"
    )


def test_own_texts_are_members_of_operations_that_behave() -> None:
    members = {broken.member for operation in set(OPERATIONS) & set(ALL) for broken in breaks(operation)}
    assert members >= OWN_TEXTS


def test_unknown_members_and_null_are_no_members() -> None:
    assert refused("RunTask", {"taskDefinition": "a", "count": None, "clientTokn": [1]}) is None
    assert set(ALL) == set(shapes.OPERATIONS)
