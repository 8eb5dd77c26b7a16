"""Operation: what a door needs to know of one operation of ECS: how to decide it and how to answer it."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from quarterdeck.engine.core.turn import Settings, Turn
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.engine.shell.sessions import Sessions
from quarterdeck.events import operations
from quarterdeck.events.log.port import Log
from quarterdeck.events.names import Namespace
from quarterdeck.projections.live.view import LiveView
from quarterdeck.projections.models.store import ReadModels
from quarterdeck.projections.models.task_document import Outline


class Context(msgspec.Struct, frozen=True, gc=False):
    """What answers are made from: the read models, which have at least what the answer is about.

    ``actor`` asks; ``endpoint`` is where this engine serves HTTP; ``sessions`` are those of ExecuteCommand.
    ``clusters`` remembers the statuses of clusters that were looked up since the read models last moved, ``outlines``
    what the new tasks of a revision (``family:revision``) have in common, which never changes.
    """

    namespace: Namespace
    models: ReadModels
    log: Log
    view: LiveView
    now: float
    settings: Settings
    actor: str
    endpoint: str
    clusters: dict[tuple[Namespace, str], str]
    sessions: Sessions
    outlines: dict[tuple[Namespace, str], Outline]


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that decides. With `at_once` its answer needs nothing from the read models."""

    decide: Callable[[Turn, Any], Any]
    answer: Callable[[Context, Any, Outcome], Awaitable[Any]]
    at_once: bool = False


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that only looks."""

    read: Callable[[Context, Any], Awaitable[Any]]


Operation = Write | Read


def request_type(operation: str) -> type[msgspec.Struct]:
    """Find the shape of an operation's request."""
    return operations.ALL[operation][0]


def response_type(operation: str) -> type[msgspec.Struct]:
    """Find the shape of an operation's response."""
    return operations.ALL[operation][1]
