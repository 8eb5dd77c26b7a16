"""The AWS SDK for JavaScript through a service's and a task's life, with its own paginators and waiters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import node
from tests.clients.installed import Installed

pytestmark = [pytest.mark.nats, pytest.mark.node, pytest.mark.slow, pytest.mark.timeout(180)]


def test_the_sdk_for_javascript_sees_what_boto3_sees(ecs: Any, installed: Installed) -> None:
    ecs.create_cluster()
    said = installed.run("node", str(node.program("session.mjs")))
    found = json.loads(said.splitlines()[0])  # what it warns of comes after it
    described = ecs.describe_tasks(tasks=found["stopped"])["tasks"]
    assert {(task["stopCode"], task["startedBy"]) for task in described} == {("UserInitiated", "js")}
    assert len(described) == 2
    described = ecs.describe_tasks(tasks=found["service"])["tasks"]
    assert {(task["lastStatus"], task["group"]) for task in described} == {("STOPPED", "service:js-web")}
    assert ecs.describe_services(services=["js-web"])["services"][0]["status"] == "INACTIVE"
