"""Requests nobody would send: whatever comes, the answer is 200 or a refusal that changed nothing; never a 500."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.engine.doors.constraints import OWN_TEXTS
from quarterdeck.engine.doors.door import OPERATIONS as BEHAVING
from quarterdeck.events.operations import OWN
from tests.engine.api.served import Served, post
from tests.engine.model import OPERATIONS, breaks, valid

REFUSED = 400
CONTAINER = {"name": "app", "image": "app", "memory": 64}
SHARED = settings(max_examples=30, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def connection(open_server: Served) -> Iterator[http.client.HTTPConnection]:
    """A connection to a server that has something of everything."""
    link = open_server.connect()
    for operation, body in (
        ("CreateCluster", {}),
        ("CreateCluster", {"clusterName": "web"}),
        ("RegisterTaskDefinition", {"family": "job", "containerDefinitions": [CONTAINER]}),
        ("CreateService", {"cluster": "web", "serviceName": "web", "taskDefinition": "job", "desiredCount": 1}),
    ):
        assert post(link, operation, json.dumps(body).encode())[0] == 200
    yield link
    link.close()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_valid_by_shape_is_answered(operation: str, connection: http.client.HTTPConnection) -> None:
    @SHARED
    @given(valid(operation))
    def answered(request: dict[str, object]) -> None:
        status, answer = post(connection, operation, json.dumps(request).encode())
        assert status in {200, REFUSED}, (request, answer)

    answered()


@pytest.mark.parametrize("operation", sorted(set(BEHAVING) - set(OWN)))
def test_what_ecs_has_words_of_its_own_for_is_refused_in_them(
    operation: str, open_server: Served, connection: http.client.HTTPConnection
) -> None:
    """These pass the generic constraints on purpose; the decision must not let them pass."""
    before = open_server.position
    for broken in breaks(operation):
        if broken.member in OWN_TEXTS and broken.kind != "type":
            status, answer = post(connection, operation, json.dumps(broken.request).encode())
            assert status == REFUSED, (broken, answer)
            assert "validation error detected" not in answer["message"]
    assert open_server.position == before


def test_operations_of_our_own_are_asked_for_as_ecs_s_are(connection: http.client.HTTPConnection) -> None:
    own = {"family": "own", "containerDefinitions": [CONTAINER]}
    assert post(connection, "CreateCluster", b'{"clusterName":"own"}')[0] == 200
    assert post(connection, "RegisterTaskDefinition", json.dumps(own).encode())[0] == 200
    status, answer = post(connection, "ExplainPlacement", b'{"cluster":"own","taskDefinition":"own"}')
    assert (status, answer["decisions"][0]["outcome"]) == (200, "DRY_RUN")
    service = b'{"cluster":"own","serviceName":"own","taskDefinition":"own","desiredCount":1}'
    assert post(connection, "CreateService", service)[0] == 200
    assert "no container instances" in str(post(connection, "ExplainPlacement", b'{"cluster":"own","service":"own"}'))


def is_object(body: bytes) -> bool:
    """Whether chance has made a request after all."""
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


@SHARED
@given(st.sampled_from(OPERATIONS), st.binary(max_size=300).filter(lambda body: not is_object(body)))
def test_garbage_is_refused(connection: http.client.HTTPConnection, operation: str, body: bytes) -> None:
    status, answer = post(connection, operation, body or b"x")
    assert (status, answer["__type"]) == (REFUSED, "SerializationException")


@SHARED
@given(st.data())
def test_a_request_cut_short_is_refused(connection: http.client.HTTPConnection, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(OPERATIONS))
    body = json.dumps(data.draw(valid(operation))).encode()
    cut = data.draw(st.integers(1, len(body) - 1))
    status, answer = post(connection, operation, body[:cut])
    assert (status, answer["__type"]) == (REFUSED, "SerializationException")
