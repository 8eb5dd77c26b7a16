"""What results of health checks make of a container, as Docker judges them."""

from __future__ import annotations

import pytest

from quarterdeck.agents.runtimes.health import HealthCheck, Record, judged

CHECK = HealthCheck(("CMD", "true"), retries=2, start_period_seconds=10)


@pytest.mark.parametrize(
    ("results", "then"),
    [
        ([(1, True)], ["HEALTHY"]),
        ([(11, False), (12, False)], ["UNKNOWN", "UNHEALTHY"]),
        ([(1, False), (9, False), (10, False), (11, False)], ["UNKNOWN", "UNKNOWN", "UNKNOWN", "UNHEALTHY"]),
        ([(1, True), (2, False), (3, False)], ["HEALTHY", "HEALTHY", "UNHEALTHY"]),
        ([(11, False), (12, True), (13, False)], ["UNKNOWN", "HEALTHY", "HEALTHY"]),
        ([(11, False), (12, False), (13, True)], ["UNKNOWN", "UNHEALTHY", "HEALTHY"]),
    ],
)
def test_failures_in_a_row_count_once_the_start_period_is_over(
    results: list[tuple[float, bool]], then: list[str]
) -> None:
    record, said = Record(), []
    for age, passed in results:
        record = judged(CHECK, record, passed=passed, age_seconds=age)
        said.append(record.health)
    assert said == then
