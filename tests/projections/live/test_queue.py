"""Queues: an index that may be out of date, and is put right when it comes up."""

from __future__ import annotations

from quarterdeck.projections.live.queue import GAINS_KEPT_MIN, Group, Pool, Shape


def test_a_pool_keeps_its_instances_in_order_of_ids() -> None:
    pool = Pool()
    for name in ("b", "c", "a"):
        pool.add(name)
    pool.discard("b")
    pool.discard("zz")
    assert pool.entries == [(0, "a"), (0, "c")]


def test_gains_are_read_from_where_a_reader_stopped() -> None:
    pool = Pool()
    pool.gain("a")
    cursor = pool.cursor
    pool.gain("b")
    assert pool.since(cursor) == ["b"]
    assert pool.since(pool.cursor) == []


def test_gains_are_not_kept_for_ever_and_a_reader_that_is_late_is_told() -> None:
    pool = Pool()
    start = pool.cursor
    for _ in range(GAINS_KEPT_MIN + 1):
        pool.gain("a")
    assert pool.since(start) is None
    assert len(pool.gains) < GAINS_KEPT_MIN
    assert pool.since(pool.cursor) == []


def test_what_is_known_of_an_instance_is_forgotten_when_it_gains() -> None:
    pool = Pool()
    shape = Shape(pool)
    shape.reject("a", "AGENT")
    shape.reject("b", "AGENT")
    pool.gain("a")
    shape.refresh()
    assert (shape.unfit, shape.reasons) == ({"b": "AGENT"}, {"AGENT": 1})


def test_a_reader_that_is_too_late_forgets_everything() -> None:
    pool = Pool()
    shape = Shape(pool)
    shape.reject("a", "AGENT")
    for _ in range(GAINS_KEPT_MIN + 1):
        pool.gain("b")
    shape.refresh()
    assert (shape.unfit, sum(shape.reasons.values())) == ({}, 0)


def test_a_group_counted_down_to_nothing_is_as_one_that_never_was() -> None:
    group = Group()
    group.count("a", "zone", 1)
    group.count("a", "zone", 1)
    group.count("a", "zone", -2)
    assert (group.instances, group.zones) == ({}, {})
