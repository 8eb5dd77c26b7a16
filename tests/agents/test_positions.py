"""Noticing what was missed."""

from __future__ import annotations

from quarterdeck.agents.positions import Positions
from quarterdeck.events.wanted import WantedChange


def change(previous: int, sequence: int) -> WantedChange:
    return WantedChange(sequence=sequence, previous=previous)


def test_changes_that_follow_one_another_leave_nothing_open() -> None:
    positions = Positions()
    assert positions.listed(10)
    assert positions.changed(change(7, 13))  # what came before the list is in it
    assert positions.changed(change(13, 20))
    assert not positions.misses(20)


def test_a_gap_stays_open_until_a_list_covers_it() -> None:
    positions = Positions()
    positions.listed(10)
    assert not positions.changed(change(15, 20))
    assert not positions.listed(12)  # made before the change that was missed
    assert positions.listed(15)
    assert positions.known == 20


def test_a_change_that_came_late_closes_the_gap() -> None:
    positions = Positions()
    positions.listed(10)
    assert not positions.changed(change(15, 20))
    assert positions.changed(change(10, 15))
    assert positions.known == 20


def test_a_heartbeat_shows_a_last_change_that_was_missed() -> None:
    positions = Positions()
    positions.listed(10)
    assert positions.misses(11)
    assert not positions.misses(10)


def test_a_change_heard_twice_changes_nothing() -> None:
    positions = Positions()
    positions.listed(10)
    assert positions.changed(change(10, 12))
    assert positions.changed(change(10, 12))
    assert positions.known == 12


def test_endless_gaps_are_forgotten_but_not_believed_closed() -> None:
    positions = Positions()
    positions.listed(10)
    for number in range(20, 6_000, 2):
        assert not positions.changed(change(number, number + 1))
    assert len(positions.ahead) <= 1_000
