"""Quiet: the log lines of engines and agents cost more than what they tell of; only bugs they admit are kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

ADMITTED = frozenset({"decision failed", "a decision was left half made: folding the log again"})
"""What a keeper says when a decision raised something that is no refusal: it goes on, but that is a bug."""

_heard: list[str] = []


def quiet() -> None:
    """Say nothing from now on."""
    structlog.configure(processors=[_hear], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


@contextmanager
def quieted() -> Iterator[None]:
    """Say nothing for the length of a block."""
    before = structlog.get_config() if structlog.is_configured() else None
    quiet()
    try:
        yield
    finally:
        structlog.reset_defaults()
        if before is not None:
            structlog.configure(**before)


def admitted() -> str:
    """Take the first bug that was admitted since the last time; empty if there was none."""
    found = _heard[0] if _heard else ""
    _heard.clear()
    return found


def _hear(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if event.get("event") in ADMITTED:
        _heard.append(f"{event['event']}: {event.get('operation')} {event.get('exc_info', '')}")
    raise structlog.DropEvent
