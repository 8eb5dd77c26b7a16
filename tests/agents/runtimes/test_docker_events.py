"""What the daemon's events say, and what of it is kept from one to the next."""

from __future__ import annotations

from quarterdeck.agents.runtimes.docker import wire
from quarterdeck.agents.runtimes.docker.events import Events
from quarterdeck.agents.runtimes.port import Changed, Ended

LABELS = {"task": "t1"}


def event(action: str, container: str = "c1", **attributes: str) -> wire.Event:
    return wire.Event(wire.Actor(container, {**LABELS, **attributes}), action, 5_000_000_000)


def test_an_end_says_how_and_when() -> None:
    assert Events().changed(event("die", exitCode="3")) == Changed("c1", LABELS, Ended(3, 5.0))


def test_an_end_without_an_exit_code_has_to_be_looked_at() -> None:
    assert Events().changed(event("die")) == Changed("c1", LABELS)


def test_an_end_after_word_of_its_memory_was_for_its_memory() -> None:
    events = Events()
    assert events.changed(event("oom")) == Changed("c1", LABELS)
    assert events.changed(event("die", "c2", exitCode="137")) == Changed("c2", LABELS, Ended(137, 5.0))
    assert events.changed(event("die", exitCode="137")) == Changed("c1", LABELS, Ended(137, 5.0, oom_killed=True))
    assert events.changed(event("die", exitCode="0")) == Changed("c1", LABELS, Ended(0, 5.0))


def test_a_start_is_no_news_to_who_starts_it_and_looks_afterwards() -> None:
    events = Events()
    with events.starting("c1"):
        assert events.changed(event("start")) is None
        assert events.changed(event("start", "c2")) == Changed("c2", LABELS)
        assert events.changed(event("die", exitCode="3")) is not None
    assert events.changed(event("start")) == Changed("c1", LABELS)
