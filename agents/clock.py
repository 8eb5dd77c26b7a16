"""Clock: the time an agent goes by, real or simulated."""

from typing import Protocol


class Clock(Protocol):
    """Time as a composition hands it out."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when that much time has passed."""
        ...
