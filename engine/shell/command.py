"""Command: what a keeper is asked to decide, and what becomes of it.

NotKeeper    another replica keeps the shard
NotStored    the commit did not reach the log; within the keeper, which then decides again
"""

from collections.abc import Callable
from typing import Any

import msgspec

from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.projections.live.view import Remembered


class NotKeeper(Exception):
    """Another replica keeps the shard, or soon will.

    Nothing was changed, unless ``doubt``: then the append under way may or may not have reached the log.
    """

    def __init__(self, message: str, *, doubt: bool = False) -> None:
        super().__init__(message)
        self.doubt = doubt


class NotStored(Exception):
    """The commit did not reach the log; nothing of it is known to anyone."""


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What to decide, and its circumstances; ``decide`` gives whatever its answer needs.

    ``token`` makes a repeat get the first outcome, ``digest`` tells whether it asks for the same.
    ``boundary`` ends the envelope here, so that the outcome's sequence is exactly what was seen.
    ``about`` is a caller's request, or names in a tuple what the scheduler looks at: a decision about the same that
    failed inside the engine is put aside for a while (`aside`); None: never.
    """

    namespace: str
    operation: str
    actor: str
    decide: Callable[[Turn], Any]
    token: str = ""
    digest: str = ""
    cause: str = ""
    request: str = ""
    boundary: bool = False
    about: object = None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a command: true at ``sequence``; `repeat` says where its first outcome is."""

    sequence: int
    at: float
    events: list[AnyEvent]
    result: Any
    repeat: Remembered | None = None
