"""aws-cli through the session that every user of ECS has typed, with its own waiters and their own patience."""

from __future__ import annotations

import json

import pytest

from tests.clients.installed import Installed

SLEEPER = {"name": "web", "image": "busybox", "memory": 16, "command": ["sleep", "600"]}
JOB = {"name": "job", "image": "busybox", "memory": 16, "command": ["sh", "-c", "exit 3"]}

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(180)]


def definitions(container: dict[str, object]) -> tuple[str, str]:
    return "--container-definitions", json.dumps([container])


def test_the_session_of_every_user(installed: Installed) -> None:
    aws = installed.aws
    assert aws("create-cluster")["cluster"]["clusterName"] == "default"
    aws("register-task-definition --family cli-web", *definitions(SLEEPER))
    aws("register-task-definition --family cli-job", *definitions(JOB))
    made = aws("create-service --service-name cli-web --task-definition cli-web --desired-count 4")
    assert made["service"]["status"] == "ACTIVE"
    assert aws("wait services-stable --services cli-web") is None

    task = aws("run-task --task-definition cli-job")["tasks"][0]["taskArn"]
    assert aws("wait tasks-stopped --tasks", task) is None
    (ended,) = aws("describe-tasks --tasks", task)["tasks"]
    assert (ended["lastStatus"], ended["containers"][0]["exitCode"]) == ("STOPPED", 3)

    arns = aws("list-tasks --service-name cli-web --page-size 3 --query", "taskArns[]")
    assert len(set(arns)) == 4
    assert aws("list-tasks --service-name cli-web --query", "length(taskArns)") == 4

    rolled = aws("update-service --service cli-web --force-new-deployment")
    assert len(rolled["service"]["deployments"]) == 2
    assert aws("wait services-stable --services cli-web") is None
    assert not set(arns) & set(aws("list-tasks --service-name cli-web")["taskArns"])
    assert aws("delete-service --service cli-web --force")["service"]["status"] == "DRAINING"
    assert aws("wait services-inactive --services cli-web") is None
