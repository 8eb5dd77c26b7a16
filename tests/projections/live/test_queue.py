"""Queues: an index that may be out of date, and is put right when it comes up."""

from __future__ import annotations

from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.pool import GAINS_KEPT_MIN, Order, Pool
from quarterdeck.projections.live.queue import Group, Shape
from tests.engine.core.story import given, joined


def instance(name: str, cpu: int = 0, memory: int = 0) -> InstanceState:
    return given(joined(name, cpu=cpu, memory=memory)).cluster().instances[name]


def test_a_pool_keeps_its_instances_in_order_of_ids() -> None:
    pool = Pool()
    for name in ("b", "c", "a"):
        pool.add(instance(name))
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
    group, a1 = Group(), instance("a1")
    group.count(a1, 1)
    group.count(a1, 1)
    group.count(a1, -2)
    assert (group.instances, group.zones) == ({}, {})


def test_an_order_has_those_with_least_left_first_and_starts_where_there_is_enough() -> None:
    order = Order(("memory", "cpu"), [instance("a", 9, 100), instance("b", 5, 100), instance("c", 1, 50)])
    assert [name for _, name in order.from_least(0)] == ["c", "b", "a"]
    assert [name for _, name in order.from_least(51)] == ["b", "a"]
    order.put(instance("b", 5, 40))
    order.put(instance("d", 5, 60))
    order.drop("a")
    order.drop("zz")
    assert [name for _, name in order.from_least(0)] == ["b", "c", "d"]


def test_a_group_counts_by_an_attribute_once_it_is_asked_for() -> None:
    story = given(joined("a1", attributes={"rack": "r1"}), joined("a2"))
    group, instances = Group(), story.cluster().instances
    group.count(instances["a1"], 2)
    assert group.by("attribute:rack", instances) == {"r1": 2}
    group.count(instances["a2"], 1)
    group.count(instances["a1"], -2)
    assert group.by("attribute:rack", instances) == {"": 1}


def test_a_group_that_is_forgotten_leaves_nothing_behind() -> None:
    story = given(joined("a1"))
    room = story.cluster().room
    room.forget("service:never")
    room.group("service:empty")
    room.forget("service:empty")
    assert room.groups == {}
