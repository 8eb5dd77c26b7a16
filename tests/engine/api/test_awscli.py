"""aws-cli, unmodified, against a running server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.api.served import REGION, Served

AWS = Path(sys.executable).with_name("aws")

pytestmark = pytest.mark.slow


def aws(server: Served, *arguments: str) -> Any:
    """Run `aws ecs …` as `eval "$(quarterdeck env)"` leaves the environment; its JSON, or its error."""
    assert server.key is not None
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL_ECS": server.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": server.key.id,
        "AWS_SECRET_ACCESS_KEY": server.key.secret,
        "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run([AWS, "ecs", *arguments], check=False, capture_output=True, text=True, env=environ)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()


def test_a_session_of_commands(signing: Served) -> None:
    made = aws(signing, "create-cluster", "--cluster-name", "cli", "--tags", "key=team,value=müsli")
    assert made["cluster"]["status"] == "ACTIVE"
    container = '[{"name": "app", "image": "app", "memory": 64}]'
    for _ in range(4):
        aws(signing, "register-task-definition", "--family", "cli", "--container-definitions", container)
    query = ("--query", "length(taskDefinitionArns)")
    assert aws(signing, "list-task-definitions", "--family-prefix", "cli", "--page-size", "3", *query) == 4
    assert aws(signing, "describe-clusters", "--clusters", "cli", "nowhere")["failures"][0]["reason"] == "MISSING"
    assert aws(signing, "run-task", "--cluster", "nowhere", "--task-definition", "cli") == (
        "An error occurred (ClusterNotFoundException) when calling the RunTask operation: Cluster not found."
    )
