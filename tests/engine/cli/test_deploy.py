"""`deploy` and `scale`: a service is brought to where it should be, seen on its way, and what fails is said."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
import pytest

from quarterdeck.engine.cli import rollout
from quarterdeck.events import shapes
from tests.engine.cli.test_call import call
from tests.engine.cli.test_nouns import one, refused, said, shown
from tests.engine.up_process import QUARTERDECK, UpProcess, command, environment

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]

WEB = {"name": "web", "image": "web:1", "memory": 16, "environment": [{"name": "A", "value": "1"}]}
NUMBERS = count(1)
SIDE = {"name": "side", "image": "side:1", "memory": 16}


@pytest.fixture(scope="module")
def up(shared_up: UpProcess) -> UpProcess:
    """The one of these modules together."""
    return shared_up


@pytest.fixture
def service(up: UpProcess) -> str:
    """A service of its own for each test, with two tasks and a family of its name; its name."""
    name = f"service-{next(NUMBERS)}"
    tags = [{"key": "team", "value": "sea"}]
    call(up, "RegisterTaskDefinition", {"family": name, "containerDefinitions": [WEB, SIDE], "tags": tags})
    call(up, "CreateService", {"serviceName": name, "taskDefinition": name, "desiredCount": 0})
    assert shown(up, "scale", name, "2", "--wait")[0]["runningCount"] == 2
    return name


def images(up: UpProcess, definition: str) -> list[str]:
    return [each["image"] for each in one(up, "task-definition", definition)["containerDefinitions"]]


def test_a_new_image_is_the_next_revision_rolled_out(up: UpProcess, service: str) -> None:
    ran = command("deploy", service, "--image", "web=web:2", "--timeout", "30", "--data", str(up.data))
    assert (ran.returncode, ran.stderr) == (0, f"Registered {service}:2.\n")
    progress = ran.stdout.splitlines()
    assert any(line.startswith(f"{service}: PRIMARY {service}:2 ") for line in progress), progress
    assert any(line == f"{service}: PRIMARY {service}:2 2/2 running (COMPLETED)" for line in progress), progress
    assert f"{service}  ACTIVE  2        2        0        {service}:2" in ran.stdout
    assert images(up, service) == ["web:2", "side:1"]
    assert images(up, f"{service}:1") == ["web:1", "side:1"]
    assert {each["taskDefinitionArn"].rpartition("/")[2] for each in shown(up, "task", "ls", "--service", service)} == {
        f"{service}:2"
    }


def test_the_rest_of_the_definition_stays_as_it_was(up: UpProcess, service: str) -> None:
    assert shown(up, "deploy", service, "--image", "web=a:5000/web:2", "--image", "side=side:2")[0]["runningCount"] == 2
    before, after = one(up, "task-definition", f"{service}:1"), one(up, "task-definition", f"{service}:2")
    assert images(up, service) == ["a:5000/web:2", "side:2"]
    changed = {name for name in before if before[name] != after.get(name)}
    assert changed == {"taskDefinitionArn", "revision", "registeredAt", "containerDefinitions"}
    tags = call(up, "ListTagsForResource", {"resourceArn": after["taskDefinitionArn"]})["tags"]
    assert tags == [{"key": "team", "value": "sea"}]


def test_it_goes_back_to_a_revision_and_to_new_tasks_of_the_same(up: UpProcess, service: str) -> None:
    shown(up, "deploy", service, "--image", "web=web:2")
    assert shown(up, "deploy", service, "--task-definition", f"{service}:1")[0]["taskDefinition"].endswith(":1")
    before = {each["taskArn"] for each in shown(up, "task", "ls", "--service", service)}
    shown(up, "deploy", service, "--force")
    assert not before & {each["taskArn"] for each in shown(up, "task", "ls", "--service", service)}


def test_an_image_that_can_not_be_pulled_ends_with_1_and_says_so(up: UpProcess, service: str) -> None:
    ran = command("deploy", service, "--image", "web=missing-it", "--timeout", "1.5", "--data", str(up.data))
    assert ran.returncode == 1
    assert f"{service} did not settle within 1.5 s: " in ran.stderr
    assert f"`quarterdeck service describe {service}` shows it" in ran.stderr
    assert f"PRIMARY {service}:2 0/2 running" in ran.stdout


def test_without_waiting_it_ends_at_once(up: UpProcess, service: str) -> None:
    ran = command("deploy", service, "--image", "web=missing-it", "--no-wait", "-o", "json", "--data", str(up.data))
    assert ran.returncode == 0
    assert json.loads(ran.stdout)[0]["taskDefinition"].endswith(":2")


def test_what_can_not_be_deployed_is_refused(up: UpProcess, service: str) -> None:
    assert "no service nothing" in refused(up, "deploy", "nothing", "--force")
    assert "no service nothing" in refused(up, "scale", "nothing", "1")
    assert "no task definition nothing" in refused(up, "deploy", service, "--task-definition", "nothing")
    assert "has no container wob; it has web, side." in refused(up, "deploy", service, "--image", "wob=web:2")
    assert "--force starts new tasks" in refused(up, "deploy", service, "--image", "web=web:1")
    assert shown(up, "task-definition", "ls", "--family", service)[-1]["revision"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["deploy", "any"],
        ["deploy", "any", "--image", "web"],
        ["deploy", "any", "--image", "=web"],
        ["deploy", "any", "--image", "a=b", "--task-definition", "c"],
        ["scale", "any", "-1"],
        ["scale", "any", "many"],
    ],
)
def test_what_makes_no_sense_is_wrong_usage(arguments: list[str]) -> None:
    assert command(*arguments).returncode == 2


def test_scale_says_what_did_not_fit(up: UpProcess, service: str) -> None:
    assert f"{service}  ACTIVE  3" in said(up, "scale", service, "3")
    call(up, "RegisterTaskDefinition", {"family": "big", "containerDefinitions": [{**WEB, "memory": 9_999_999}]})
    call(up, "CreateService", {"serviceName": "big", "taskDefinition": "big", "desiredCount": 0})
    ran = command("scale", "big", "1", "--wait", "--timeout", "0.5", "--data", str(up.data))
    assert ran.returncode == 1
    assert "big did not settle within 0.5 s: 0 of 1 running" in ran.stderr
    assert "Last: (service big) was unable to place a task" in ran.stderr
    assert "InvalidParameterException: DesiredCount can be at most" in refused(up, "scale", "big", "9999")


def test_on_a_terminal_the_roll_out_is_drawn_in_place(up: UpProcess, service: str) -> None:
    ours, theirs = pty.openpty()
    arguments = ["deploy", service, "--image", "web=web:2", "--data", str(up.data)]
    env = {**environment(), "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([*QUARTERDECK, *arguments], stdout=theirs, stderr=theirs, env=env) as deploying:
        os.close(theirs)
        drawn = b""
        with suppress(OSError):
            while part := os.read(ours, 65536):
                drawn += part
        os.close(ours)
    assert deploying.returncode == 0, drawn
    assert b"\x1b[1A" in drawn
    assert "COMPLETED" in drawn.decode()
    assert "━" in drawn.decode()


def state(**changes: object) -> shapes.Service:
    told: dict[str, Any] = {"id": "d1", "status": "PRIMARY", "task_definition": "web:2", "rollout_state": "COMPLETED"}
    deployment = shapes.Deployment(**{**told, **changes})
    return shapes.Service(status="ACTIVE", desired_count=1, running_count=1, pending_count=0, deployments=[deployment])


@pytest.mark.parametrize(
    ("service", "found"),
    [
        (state(), True),
        (state(rollout_state="IN_PROGRESS"), False),
        (state(rollout_state="FAILED", rollout_state_reason="why"), rollout.Failed("d1 failed: why")),
        (state(id="d2"), rollout.Failed("d2 of web:2 has taken the place of d1")),
        (
            msgspec.structs.replace(
                state(id="d0", task_definition="web:1"),
                events=[shapes.ServiceEvent(message="(service web) (deployment d1) deployment failed: tasks broke.")],
            ),
            rollout.Failed("d1 failed: tasks broke; rolled back to d0 of web:1"),
        ),
        (shapes.Service(status="DRAINING"), rollout.Failed("it is DRAINING")),
    ],
)
def test_a_service_has_settled_can_still_or_has_failed_to(service: shapes.Service, found: object) -> None:
    judge: Callable[[Any, str], object] = rollout.verdict
    assert judge(service, "d1") == found
