"""Scale-in: which tasks go first (spec §8.2)."""

from __future__ import annotations

import msgspec

from quarterdeck.engine.core.scale_in import in_scale_in_order
from quarterdeck.events.service import ServiceUpdated
from tests.engine.core.story import Story, chain, created, defined, given, joined, placed, started


def serving(**tasks: str) -> Story:
    """Tasks by name, each at an instance whose zone is its first letter; those in capitals do not run yet."""
    story = given(defined(), *(joined(name, name[0]) for name in ("a1", "a2", "b1", "c1")), created(count=9))
    for name, instance in tasks.items():
        story.after(1.0).given(placed(name, instance, instance[0], service="web"))
        if name.islower():
            story.given(started(name))
    return story


def order(story: Story) -> str:
    tasks = [each for each in story.live() if each.group == "service:web"]
    return "".join(each.id for each in in_scale_in_order(story.cluster(), story.service(), tasks))


def test_tasks_that_do_not_run_yet_go_first() -> None:
    assert order(serving(p="a1", Q="b1", r="b1"))[0] == "Q"


def test_the_zone_with_most_tasks_gives_first() -> None:
    assert order(serving(p="a1", q="a2", r="b1", s="c1"))[0] in "pq"


def test_in_a_zone_the_instance_with_most_tasks_gives_first_and_its_newest_task() -> None:
    assert order(serving(p="a1", q="a1", r="a2"))[0] == "q"


def test_zones_take_turns_once_they_are_even() -> None:
    found = order(serving(p="a1", q="a2", r="b1", s="b1", t="c1", u="c1"))
    zones = {"p": "a", "q": "a", "r": "b", "s": "b", "t": "c", "u": "c"}
    assert sorted(zones[each] for each in found[:3]) == ["a", "b", "c"]


def test_scaling_in_and_out_is_one_the_mirror_of_the_other() -> None:
    assert order(serving(p="a1", q="b1", r="c1")) == "rqp"


def test_what_was_chosen_before_counts_as_gone() -> None:
    """Of a1's three tasks two do not run yet: when they are chosen, a2 has more than a1."""
    assert order(serving(P="a1", Q="a1", r="a1", s="a2", t="a2"))[:3] == "QPt"


def packed(*strategies: str, **tasks: str) -> Story:
    """Tasks of a service that has placement strategies."""
    story = serving()
    settings = msgspec.structs.replace(story.service().settings, placement_strategy=chain(*strategies))
    story.given(ServiceUpdated(cluster="default", service="web", settings=settings))
    for name, instance in tasks.items():
        story.after(1.0).given(placed(name, instance, instance[0], service="web"), started(name))
    return story


def test_what_is_packed_ends_where_most_would_be_left() -> None:
    story = packed("binpack memory", p="a1", q="a1", r="b1", s="c1")
    story.given(placed("x", "c1", "c"))
    assert order(story)[0] == "r", "b1 would be empty"
    assert order(packed("binpack cpu", p="a1", q="a1", r="b1")) == "rqp"


def test_what_is_spread_over_zones_and_packed_gives_from_the_fullest_zone_where_most_would_be_left() -> None:
    story = packed("spread attribute:ecs.availability-zone", "binpack cpu", p="a1", q="a1", r="a2", s="b1")
    assert order(story)[0] == "r"


def test_what_is_spread_over_instances_gives_from_the_one_with_most_whatever_its_zone() -> None:
    assert order(packed("spread instanceId", p="a1", q="a2", r="b1", s="b1"))[0] == "s"


def test_where_chance_placed_all_end_once() -> None:
    assert sorted(order(packed("random", p="c1", q="a1", r="a1"))) == ["p", "q", "r"]
