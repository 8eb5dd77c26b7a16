"""Backoff: pauses that double while something fails."""

import msgspec


class Backoff(msgspec.Struct):
    """How long to wait next, within limits."""

    seconds_min: float
    seconds_max: float
    failures: int = 0

    def next(self) -> float:
        """Count a failure; the seconds to wait before trying again."""
        seconds = min(self.seconds_min * 2.0 ** min(self.failures, 32), self.seconds_max)
        self.failures += 1
        return seconds

    def reset(self) -> None:
        """It works."""
        self.failures = 0
