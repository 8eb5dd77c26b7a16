"""Words: what an event says to people in a line."""

from __future__ import annotations

import msgspec
import pytest

from quarterdeck.engine.cli import table
from quarterdeck.engine.cli.events import _text
from quarterdeck.engine.cli.words import words
from quarterdeck.engine.commits import StoredCommit
from quarterdeck.events.task import TaskStopped
from tests.events.test_catalog import LATEST, read

D = "ecs-svc/1234567890123456789"
SAID = {
    "AlarmStateChanged": "ALARM: 5xx above 1 %",
    "DeploymentBaking": f"{D} until 2023-11-14T22:23:20.000Z",
    "DeploymentFailed": f"{D}: ECS deployment circuit breaker: tasks failed to start.",
    "DeploymentFailuresCounted": f"{D}: 2 of 3 failures",
    "DeploymentHookEnded": f"{D}: hook FAILED: smoke test failed",
    "DeploymentHookStarted": f"{D} waits for nats:checks.smoke in PRE_SCALE_UP",
    "DeploymentStageEntered": f"{D} entered PRE_SCALE_UP",
    "DeploymentTrafficShifted": f"{D} has 5.5 % of production traffic, 100 % of test traffic",
    "ServiceRebalancingBlocked": "to us-east-1b: task protection",
    "ServiceRebalancingCompleted": "2 in us-east-1a, 2 in us-east-1b",
    "ServiceRebalancingStarted": "3 in us-east-1a, 1 in us-east-1b",
    "ServiceRebalancingStopped": "a deployment began",
    "ServiceRebalancingTaskStarted": "fedcba98 in us-east-1b for one of us-east-1a",
}


@pytest.mark.parametrize("name", sorted(SAID))
def test_what_happens_to_a_deployment_is_said_in_a_line(name: str) -> None:
    (sample,) = [each for each in LATEST if each.name.startswith(f"{name}.")]
    event = read(sample)
    assert type(event).__name__ == name
    assert words(event) == SAID[name], msgspec.json.encode(event)


def test_what_others_wrote_stays_in_its_line_and_moves_no_cursor() -> None:
    said = "Error response from daemon:\r\n\texec: not found\x1b[2J\x9b"
    stopped = TaskStopped(cluster="web", task="a" * 32, stop_code="TaskFailedToStart", reason=said)
    commit = StoredCommit(id="1.1", at=0.0, namespace="r/a", actor="scheduler", operation="o", events=[], sequence=1)
    lines = [
        _text(commit, stopped),
        table.table([table.Column("reason", lambda each: each.reason)], [stopped], wide=True),
    ]
    for line, breaks in zip(lines, (0, 1), strict=True):
        assert line.count("\n") == breaks
        assert line.endswith("Error response from daemon: exec: not found [2J")
