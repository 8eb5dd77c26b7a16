"""Aside: decisions that failed inside the engine; each is left alone for a while, longer every time.

A decision that fails half way costs a fold of the whole log. Tried again at once, as the scheduler would, it would cost
all others the shard; so it waits, and its namespace goes on without it.
"""

from typing import NamedTuple

import structlog

from quarterdeck.engine.core.errors import ServerException
from quarterdeck.engine.shell.clock import Clock
from quarterdeck.engine.shell.command import Command

SECONDS_FIRST = 10.0
SECONDS_MAX = 30 * 60.0
DOUBLED_MAX = 16
HELD_MAX = 1_000

log = structlog.get_logger(__name__)

Key = tuple[str, str, str]


class Failed(NamedTuple):
    """How often a decision failed in a row, why the last time, and until when it is left alone."""

    times: int
    cause: str
    until: float


class Aside:
    """What is left alone; it outlives the state, which is folded again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[Key, Failed] = {}

    def check(self, command: Command) -> None:
        """Refuse a decision that is left alone. Raises ServerException."""
        held = self._held.get(_key(command)) if self._held and command.about is not None else None
        if held is not None and self._clock.now() < held.until:
            raise ServerException(
                f"{command.operation} failed inside the engine {held.times} times: {held.cause}. It is not tried again "
                f"for {held.until - self._clock.now():.0f} s. Nothing was changed."
            )

    def put(self, command: Command, cause: str) -> None:
        """Leave a decision alone that has just failed."""
        if command.about is None:
            return
        before = self._held.pop(_key(command), None)
        count = before.times + 1 if before is not None else 1
        seconds = min(SECONDS_FIRST * 2.0 ** min(count - 1, DOUBLED_MAX), SECONDS_MAX)
        while len(self._held) >= HELD_MAX:
            del self._held[next(iter(self._held))]
        self._held[_key(command)] = Failed(count, cause, self._clock.now() + seconds)
        log.error(
            "a decision that failed inside the engine is put aside",
            operation=command.operation,
            namespace=command.namespace,
            about=_named(command.about),
            cause=cause,
            failures=count,
            seconds=seconds,
        )

    def put_own(self, command: Command, cause: str) -> None:
        """Leave a decision alone that failed before it changed anything, if it is the scheduler's own.

        A caller's costs nobody anything, and what was in its way may be gone the next time.
        """
        if isinstance(command.about, tuple):
            self.put(command, cause)

    def drop(self, command: Command) -> None:
        """Forget the failures of a decision that succeeded."""
        self.lift(command.namespace, command.operation, command.about)

    def lift(self, namespace: str, operation: str, about: object) -> None:
        """Have a decision tried again at once: what was in the way may be gone."""
        if self._held:
            self._held.pop((namespace, operation, repr(about)), None)


def _key(command: Command) -> Key:
    return command.namespace, command.operation, repr(command.about)


def _named(about: object) -> str:
    """Name what a decision was about; of a caller's request the kind only, it may hold what is nobody's business."""
    return " ".join(about) if isinstance(about, tuple) else type(about).__name__
