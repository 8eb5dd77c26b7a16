"""Health: what the results of a health check make of a container, as Docker judges them. Pure."""

import msgspec

from quarterdeck.agents.runtimes.port import Health, HealthCheck


class Record(msgspec.Struct, frozen=True):
    """What the checks of one run of a container have said so far."""

    health: Health = "UNKNOWN"
    failures: int = 0
    """In a row, of those that count."""


def judged(check: HealthCheck, record: Record, *, passed: bool, age_seconds: float) -> Record:
    """Take one more result, so many seconds after the container started."""
    if passed:
        return Record("HEALTHY")
    if record.health == "UNKNOWN" and age_seconds < check.start_period_seconds:
        return record
    failures = record.failures + 1
    return Record("UNHEALTHY" if failures >= check.retries else record.health, failures)
