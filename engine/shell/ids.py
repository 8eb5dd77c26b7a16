"""Ids: where new identifiers come from."""

import os
import random  # noqa: TID251 - seeded, for simulation

DRAWN_BYTES = 4096


class RandomIds:
    """Identifiers nobody can guess, and nobody else has; chance is drawn from the system for many at a time."""

    def __init__(self) -> None:
        self._drawn = ""
        self._at = 0

    def hex(self) -> str:
        """Make 32 hex digits."""
        if self._at >= len(self._drawn):
            self._drawn, self._at = os.urandom(DRAWN_BYTES).hex(), 0
        self._at += 32
        return self._drawn[self._at - 32 : self._at]

    def deployment(self) -> str:
        """Make ``ecs-svc/`` and 19 digits."""
        return f"ecs-svc/{10**18 + int.from_bytes(os.urandom(8), 'big') % (9 * 10**18)}"


class SeededIds:
    """The same identifiers for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - for simulation, not for secrets

    def hex(self) -> str:
        """Make 32 hex digits."""
        return f"{self._random.getrandbits(128):032x}"

    def deployment(self) -> str:
        """Make ``ecs-svc/`` and 19 digits."""
        return f"ecs-svc/{self._random.randrange(10**18, 10**19)}"
