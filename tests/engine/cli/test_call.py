"""`call` carries an operation out, and what is wrong is refused in ECS's words while everything goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.up_process import UpProcess, command, until_now

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]

CONTAINER = {"name": "one", "image": "one", "memory": 16}


def call(up: UpProcess, operation: str, document: object = None, *options: str) -> Any:
    """Carry out an operation; its answer."""
    ran = command("call", operation, json.dumps(document or {}), "--data", str(up.data), *options)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def refused(up: UpProcess, operation: str, document: str) -> str:
    """Try an operation; what it is refused with."""
    ran = command("call", operation, document, "--data", str(up.data))
    assert (ran.returncode, ran.stdout) == (1, "")
    return ran.stderr.strip()


def test_the_answer_is_ecs_s_json(up: UpProcess) -> None:
    made = call(up, "CreateCluster", {"clusterName": "made"})
    assert made["cluster"]["clusterArn"] == "arn:aws:ecs:us-east-1:000000000000:cluster/made"
    assert made["cluster"]["status"] == "ACTIVE"


def test_the_document_may_come_from_stdin_or_a_file(up: UpProcess, tmp_path: Path) -> None:
    where = ("--data", str(up.data), "--compact")
    ran = command("call", "CreateCluster", "-", *where, stdin='{"clusterName": "piped"}')
    assert json.loads(ran.stdout)["cluster"]["clusterName"] == "piped"
    (tmp_path / "document.json").write_text('{"clusterName": "filed"}')
    ran = command("call", "CreateCluster", f"@{tmp_path}/document.json", *where)
    assert json.loads(ran.stdout)["cluster"]["clusterName"] == "filed"
    assert ran.stdout.count("\n") == 1
    assert command("call", "CreateCluster", "@/nonexistent", *where).returncode == 2


def test_a_token_makes_a_repeat_harmless(up: UpProcess) -> None:
    document = {"family": "token", "containerDefinitions": [CONTAINER]}
    first = call(up, "RegisterTaskDefinition", document, "--token", "the first")
    again = call(up, "RegisterTaskDefinition", document, "--token", "the first")
    other = call(up, "RegisterTaskDefinition", document)
    assert (first["taskDefinition"]["revision"], again["taskDefinition"]["revision"]) == (1, 1)
    assert other["taskDefinition"]["revision"] == 2


@pytest.mark.parametrize(
    ("operation", "document", "says"),
    [
        ("ListTasks", '{"cluster"', "SerializationException: ListTasks: "),
        ("ListTasks", "[]", "SerializationException: ListTasks: Expected `object`, got `array`"),
        ("ListTasks", '{"maxResults": "1"}', "SerializationException: ListTasks: Expected `int | null`, got `str`"),
        ("RunTask", '{"count": true}', "SerializationException: RunTask: Expected `int | null`, got `bool`"),
        ("StartTasks", "{}", "UnknownOperationException: StartTasks is not an operation of ECS."),
        (
            "CreateGateway",
            '{"name":"a","infrastructureRoleArn":"a","configuration":{}}',
            "UnsupportedFeatureException: CreateGateway is an operation of ECS that this version",
        ),
        ("ListTasks", '{"cluster": "nowhere"}', "ClusterNotFoundException: Cluster not found."),
        ("CreateCluster", '{"clusterName": "no spaces"}', "InvalidParameterException: "),
        ("CreateCluster", '{"clusterName": "' + "x" * 256 + '"}', "InvalidParameterException: "),
        ("RunTask", '{"taskDefinition": "nothing"}', "ClientException: TaskDefinition not found."),
        ("ListTasks", '{"cluster": "arn:aws:ecs:eu-west-1:000000000000:cluster/x"}', "InvalidParameterException: "),
    ],
)
def test_what_is_wrong_is_refused_in_ecs_s_words(up: UpProcess, operation: str, document: str, says: str) -> None:
    before = position(up)
    assert refused(up, operation, document).startswith(says)
    assert position(up) == before, "nothing has changed"


@pytest.mark.parametrize("operation", ["Run Task", "qd.sys.>", "", "RunTask*"])
def test_what_can_not_be_an_operation_is_wrong_usage(up: UpProcess, operation: str) -> None:
    ran = command("call", operation, "--data", str(up.data))
    assert ran.returncode == 2
    assert "is not the name of an operation" in ran.stderr


def test_a_task_that_fits_nowhere_says_why_for_each_instance(up: UpProcess) -> None:
    large = {**CONTAINER, "memory": 10_000_000}
    call(up, "RegisterTaskDefinition", {"family": "large", "containerDefinitions": [large]})
    answer = call(up, "RunTask", {"taskDefinition": "large"})
    assert answer["tasks"] == []
    assert [each["reason"] for each in answer["failures"]] == ["RESOURCE:MEMORY"] * 4


def test_a_port_that_is_taken_fits_on_each_machine_once(up: UpProcess) -> None:
    mapped = {**CONTAINER, "portMappings": [{"containerPort": 80, "hostPort": 18080}]}
    call(up, "RegisterTaskDefinition", {"family": "port", "containerDefinitions": [mapped]})
    first = call(up, "RunTask", {"taskDefinition": "port"})
    second = call(up, "RunTask", {"taskDefinition": "port"})
    assert len(first["tasks"]) == 1, first
    assert second["tasks"] == [], "all instances here are on one machine, which has one such port"
    assert {each["reason"] for each in second["failures"]} == {"RESOURCE:PORTS"}


def test_an_image_that_does_not_exist_stops_the_task_and_says_so(up: UpProcess) -> None:
    missing = {**CONTAINER, "image": "missing-image"}
    call(up, "RegisterTaskDefinition", {"family": "missing", "containerDefinitions": [missing]})
    task = call(up, "RunTask", {"taskDefinition": "missing"})["tasks"][0]["taskArn"]

    until_now(lambda: describe(up, task)["lastStatus"] == "STOPPED")
    found = describe(up, task)
    assert found["stopCode"] == "TaskFailedToStart"
    assert found["containers"][0]["reason"].startswith("CannotPullContainerError: ")


def describe(up: UpProcess, task: str) -> Any:
    return call(up, "DescribeTasks", {"tasks": [task]})["tasks"][0]


def position(up: UpProcess) -> int:
    shown = command("status", "-o", "json", "--data", str(up.data))
    return int(json.loads(shown.stdout)["sequence"])
