"""Words: what an event says to people in a line."""

from __future__ import annotations

import msgspec
import pytest

from quarterdeck.engine.cli.words import words
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
