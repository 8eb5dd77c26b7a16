"""Health: what the results of a health check make of a container, as Docker judges them. Pure."""

from typing import Literal

import msgspec

Health = Literal["UNKNOWN", "HEALTHY", "UNHEALTHY"]


class HealthCheck(msgspec.Struct, frozen=True):
    """A command that is run in the container again and again: 0 says healthy (spec §5.3)."""

    command: tuple[str, ...]
    """``CMD`` and the words of a command, or ``CMD-SHELL`` and a line for the shell."""
    interval_seconds: float = 30.0
    timeout_seconds: float = 5.0
    retries: int = 3
    """So many failures in a row make it UNHEALTHY."""
    start_period_seconds: float = 0.0
    """Failures before that do not count, unless it was healthy already."""


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
