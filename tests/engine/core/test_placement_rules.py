"""Placement rules: constraints and strategies decide as ECS documents it (spec §8.2, §8.8)."""

from __future__ import annotations

from collections import Counter

import pytest

from quarterdeck.engine.core import attribute, placement_options, service, task
from quarterdeck.engine.core.placement import Placed, Unplaceable, matrix, place
from quarterdeck.events import shapes
from quarterdeck.events.service import ServiceTaskPlacementFailed, ServiceUpdated
from quarterdeck.events.task import TaskPlaced
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.rule import DEFAULT, Rule
from tests.checkers import check
from tests.engine.core.story import Story, chain, created, defined, given, joined, placed, stopped

APART = [shapes.PlacementConstraint(type="distinctInstance")]
SMALL = Demand(cpu=256, memory=512)


def member_of(expression: str) -> list[shapes.PlacementConstraint]:
    return [shapes.PlacementConstraint(type="memberOf", expression=expression)]


def where(story: Story, *strategies: str, count: int = 1, demand: Demand = SMALL, group: str = "g") -> str:
    """Place tasks one after another; gives their instances."""
    rule, found = placement_options.rule([], chain(*strategies)), []
    for _ in range(count):
        answer = place(story.cluster(), group, demand, rule, f"seed {len(story.live())}")
        assert isinstance(answer, Placed)
        found.append(answer.instance.id)
        zone = answer.instance.zone.removeprefix("us-east-1")
        story.given(placed(f"t{len(story.cluster().tasks)}", answer.instance.id, zone, group=group))
    check(story.state)
    return " ".join(found)


def test_binpack_takes_the_instance_with_least_left_that_fits() -> None:
    sizes = {"a1": 512, "b1": 1024, "c1": 2048}
    story = given(*(joined(name, name[0], memory=memory) for name, memory in sizes.items()))
    found = place(story.cluster(), "g", Demand(cpu=1, memory=600), placement_options.rule([], chain("binpack memory")))
    assert isinstance(found, Placed)
    assert found.instance.id == "b1"
    assert found.explanation.scores == {"memory": 1024, "instanceId": 0}


def test_binpack_fills_an_instance_before_it_begins_another() -> None:
    story = given(defined(), *(joined(name, name[0], cpu=600) for name in ("a1", "b1", "c1")))
    assert where(story, "binpack cpu", count=6) == "a1 a1 b1 b1 c1 c1"


def test_what_one_group_took_counts_for_where_another_is_packed() -> None:
    story = given(defined(), joined("a1"), joined("b1", "b"))
    assert where(story, "binpack memory", group="one") == "a1"
    assert where(story, group="two", count=2) == "a1 b1"
    assert where(story, "binpack cpu", group="three") == "a1"
    story.given(stopped("t0"), stopped("t1"))
    assert where(story, "binpack cpu", group="three") == "b1", "room given back counts too"


def test_spread_over_zones_then_binpack_fills_one_instance_in_each_zone() -> None:
    story = given(defined(), *(joined(f"{zone}{n}", zone, cpu=600) for zone in "ab" for n in (1, 2)))
    assert where(story, "spread attribute:ecs.availability-zone", "binpack cpu", count=6) == "a1 b1 a1 b1 a2 b2"


def test_spread_over_instances_counts_tasks_of_the_group_only() -> None:
    story = given(defined(), joined("a1"), joined("a2"), placed("x", "a1", group="other"))
    assert where(story, "spread instanceId", count=4) == "a1 a2 a1 a2"
    assert where(story, "spread HOST", group="h", count=2) == "a1 a2"


def test_spread_over_an_attribute_counts_each_value_and_those_without_it_as_one() -> None:
    racks = {"a1": "r1", "a2": "r1", "a3": "r2", "a4": ""}
    story = given(defined(), *(joined(name, attributes={"rack": rack} if rack else {}) for name, rack in racks.items()))
    found = where(story, "spread attribute:rack", count=6).split()
    assert Counter(racks[name] for name in found) == {"r1": 2, "r2": 2, "": 2}
    assert Counter(found)["a1"] == 1, "inside a value the instance with the fewest is taken"


def test_a_later_strategy_decides_only_between_what_the_earlier_ones_find_equal() -> None:
    story = given(defined(), joined("a1", "a", memory=1024), joined("b1", "b", memory=600), placed("x", "b1", "b"))
    assert where(story, "spread attribute:ecs.availability-zone", "binpack memory", group="family:app") == "a1"
    assert where(story, "binpack memory", "spread attribute:ecs.availability-zone", group="g") == "a1"


def test_an_attribute_that_changes_moves_the_instance_to_its_new_value() -> None:
    story = given(defined(), joined("a1", attributes={"rack": "r1"}), joined("a2", attributes={"rack": "r2"}))
    assert where(story, "spread attribute:rack", count=2) == "a1 a2"
    moved = shapes.Attribute(name="rack", value="r1", target_id="a2", target_type="container-instance")
    story.given(joined("a3", attributes={"rack": "r2"}))
    story.when(attribute.put, shapes.PutAttributesRequest(attributes=[moved]))
    assert where(story, "spread attribute:rack", count=2) == "a3 a3"


def test_random_takes_each_instance_about_as_often_and_the_same_for_the_same_seed() -> None:
    story = given(*(joined(f"a{n}") for n in range(4)), joined("b1", "b", cpu=0))
    rule = placement_options.rule([], chain("random"))
    found = Counter(_chosen(story, rule, f"seed {number}") for number in range(2000))
    assert set(found) == {"a0", "a1", "a2", "a3"}
    assert max(found.values()) < 600
    assert min(found.values()) > 400
    again = given(joined("b1", "b", cpu=0), *(joined(f"a{n}") for n in (3, 1, 0, 2)))
    assert _chosen(story, rule, "seed 7") == _chosen(again, rule, "seed 7")


def test_random_among_few_of_many_finds_one_of_these() -> None:
    story = given(*(joined(f"a{n:03}", cpu=0) for n in range(300)), joined("b1", "b"), joined("b2", "b"))
    rule = placement_options.rule([], chain("random"))
    found = {_chosen(story, rule, f"seed {number}") for number in range(40)}
    assert found == {"b1", "b2"}


def _chosen(story: Story, rule: Rule, seed: str) -> str:
    found = place(story.cluster(), "g", SMALL, rule, seed)
    assert isinstance(found, Placed)
    assert matrix(story.cluster(), "g", SMALL, rule, seed)[0].container_instance == found.instance.id
    return found.instance.id


def test_a_random_placement_is_drawn_from_the_tasks_id() -> None:
    story = given(defined(), *(joined(f"a{n}") for n in range(5)))
    request = shapes.RunTaskRequest(task_definition="app", count=3, placement_strategy=chain("random"))
    events = story.when(task.run, request)
    first = next(each for each in events if isinstance(each, TaskPlaced))
    again = given(defined(), *(joined(f"a{n}") for n in range(5)))
    rule = placement_options.rule([], chain("random"))
    assert matrix(again.cluster(), "family:app", SMALL, rule, first.task)[0].container_instance == (
        first.container_instance
    )


def test_distinct_instances_take_one_task_each_and_the_fourth_of_three_waits() -> None:
    story = given(
        defined(), *(joined(f"{zone}1", zone) for zone in "abc"), created(count=4, placement_constraints=APART)
    )
    events = story.reconcile()
    (failed,) = [each for each in events if isinstance(each, ServiceTaskPlacementFailed)]
    assert (failed.count, failed.closest) == (1, "a1")
    assert failed.reason == "DistinctInstance placement constraint unsatisfied."
    assert failed.explanation.rejected == {"DistinctInstance placement constraint unsatisfied.": 3}
    assert story.spread() == {"a": 1, "b": 1, "c": 1}
    story.given(joined("a2"))
    story.run_service()
    assert story.spread() == {"a": 2, "b": 1, "c": 1}


def test_a_task_on_its_way_out_still_keeps_its_instance() -> None:
    story = given(defined(), joined("a1"), created(count=1, placement_constraints=APART))
    story.run_service()
    story.when(service.update, shapes.UpdateServiceRequest(service="web", force_new_deployment=True))
    rule = placement_options.rule(APART, [])
    story.when(task.stop, shapes.StopTaskRequest(task=story.live()[0].id))
    assert isinstance(place(story.cluster(), "service:web", SMALL, rule), Unplaceable)
    assert isinstance(place(story.cluster(), "service:web", SMALL, DEFAULT), Placed)
    story.agents_stop()
    assert isinstance(place(story.cluster(), "service:web", SMALL, rule), Placed)


def test_for_run_task_distinct_means_the_group() -> None:
    story = given(defined(), joined("a1"), joined("b1", "b"))
    request = shapes.RunTaskRequest(task_definition="app", group="batch", count=3, placement_constraints=APART)
    events = story.when(task.run, request)
    assert [each.container_instance for each in events if isinstance(each, TaskPlaced)] == ["a1", "b1"]
    assert [(each.reason, each.detail) for each in story.answer] == [
        ("DistinctInstance placement constraint unsatisfied.", "has a task of the group")
    ] * 2
    story.when(task.run, shapes.RunTaskRequest(task_definition="app", group="other", placement_constraints=APART))
    assert story.answer == []


def test_constraints_of_definition_and_caller_both_bind_and_failures_say_which() -> None:
    story = given(
        defined(only="attribute:stack == prod"),
        joined("a1", attributes={"stack": "prod", "size": "1"}),
        joined("b1", "b", attributes={"stack": "test", "size": "9"}),
        joined("c1", "c", attributes={"stack": "prod", "size": "9"}, cpu=100),
    )
    request = shapes.RunTaskRequest(task_definition="app", placement_constraints=member_of("attribute:size > 5"))
    assert len(story.when(task.run, request)) == 1
    assert {each.arn.rpartition("/")[2]: (each.reason, each.detail) for each in story.answer} == {
        "a1": ("MemberOf placement constraint unsatisfied.", "is not: attribute:size > 5"),
        "b1": ("MemberOf placement constraint unsatisfied.", "is not: attribute:stack == prod"),
        "c1": ("RESOURCE:CPU", "needs 256 CPU units, 100 left"),
    }


def test_an_expression_about_tasks_comes_true_when_a_task_comes() -> None:
    story = given(defined(), defined("db:1"), joined("a1"), joined("b1", "b"))
    beside = shapes.RunTaskRequest(
        task_definition="app", placement_constraints=member_of("task:group == family:db and runningTasksCount > 0")
    )
    story.when(task.run, beside)
    assert len(story.answer) == 2
    story.when(task.start, shapes.StartTaskRequest(task_definition="db", container_instances=["b1"]))
    story.when(task.run, beside)
    assert len(story.answer) == 2, "it is there, but it does not run yet"
    story.agents_start()
    events = story.when(task.run, beside)
    assert [each.container_instance for each in events if isinstance(each, TaskPlaced)] == ["b1"]


def test_running_tasks_are_not_moved_when_attributes_change() -> None:
    story = given(defined(), joined("a1", attributes={"stack": "prod"}), joined("b1", "b"))
    story.given(created(count=2, placement_constraints=member_of("attribute:stack == prod")))
    story.run_service()
    gone = shapes.Attribute(name="stack", target_id="a1", target_type="container-instance")
    story.when(attribute.delete, shapes.DeleteAttributesRequest(attributes=[gone]))
    story.run_service()
    assert len(story.on("a1")) == 2
    story.given(ServiceUpdated(cluster="default", service="web", desired_count=3))
    events = story.reconcile()
    (failed,) = [each for each in events if isinstance(each, ServiceTaskPlacementFailed)]
    assert failed.reason == "MemberOf placement constraint unsatisfied."


def test_an_update_changes_where_the_next_tasks_go_and_an_empty_list_clears() -> None:
    story = given(defined(), joined("a1"), joined("b1", "b", attributes={"stack": "prod"}))
    create = shapes.CreateServiceRequest(
        service_name="web", task_definition="app", desired_count=1, availability_zone_rebalancing="DISABLED"
    )
    story.when(service.create, create)
    deployments = list(story.service().deployments)
    only = shapes.UpdateServiceRequest(
        service="web",
        desired_count=4,
        placement_constraints=member_of("attribute:stack exists"),
        placement_strategy=chain("binpack cpu"),
    )
    story.when(service.update, only)
    assert story.service().deployments == deployments, "placement does not start a deployment"
    story.run_service()
    assert story.spread() == {"b": 4}
    cleared = shapes.UpdateServiceRequest(
        service="web", desired_count=6, placement_constraints=[], placement_strategy=[]
    )
    story.when(service.update, cleared)
    story.run_service()
    assert story.spread() == {"a": 2, "b": 4}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"placement_constraints": member_of("attribute:a exists") * 11},
            "Maximum number of placement constraints is 10",
        ),
        ({"placement_strategy": chain(*["random"] * 6)}, "Maximum number of strategies is 5"),
        ({"placement_strategy": chain("binpack disk")}, "binpack field 'disk' is invalid"),
        ({"placement_strategy": chain("binpack")}, "binpack field '' is invalid"),
        ({"placement_strategy": chain("spread zone")}, "spread field 'zone' is invalid"),
        ({"placement_strategy": chain("spread attribute:")}, "spread field 'attribute:' is invalid"),
        ({"placement_strategy": chain("stack cpu")}, "strategy type should be one of [random,spread,binpack]"),
        (
            {"placement_constraints": [shapes.PlacementConstraint(type="near")]},
            "constraint type should be one of [distinctInstance,memberOf]",
        ),
        (
            {"placement_constraints": member_of("attribute:a = b")},
            "Invalid expression 'attribute:a = b': expected an operator, found '= b' (at character 13)",
        ),
    ],
)
def test_what_ecs_refuses_is_refused_by_every_operation_and_changes_nothing(
    members: dict[str, list[object]], message: str
) -> None:
    story = given(defined(), joined("a1"), created())
    update: dict[str, object] = {"service": "web", **members}
    create: dict[str, object] = {"service_name": "api", "task_definition": "app", "desired_count": 1, **members}
    expected = ("InvalidParameterException", message)
    run: dict[str, object] = {"task_definition": "app", **members}
    assert story.refusal(service.create, shapes.CreateServiceRequest(**create)) == expected  # type: ignore[arg-type]
    assert story.refusal(service.update, shapes.UpdateServiceRequest(**update)) == expected  # type: ignore[arg-type]
    assert story.refusal(task.run, shapes.RunTaskRequest(**run)) == expected  # type: ignore[arg-type]


def test_those_of_the_definition_count_for_the_limit() -> None:
    story = given(defined(only="attribute:a exists"), joined("a1"))
    request = shapes.RunTaskRequest(task_definition="app", placement_constraints=member_of("attribute:b exists") * 10)
    code, message = story.refusal(task.run, request)
    assert code == "InvalidParameterException"
    assert message.startswith("Maximum number of placement constraints is 10, those of the task definition included")


def test_zones_are_rebalanced_only_where_they_come_first_and_nothing_else_says_which() -> None:
    zones = "spread attribute:ecs.availability-zone"
    assert placement_options.follows_zones([], [])
    assert placement_options.follows_zones(APART, chain(zones, "binpack cpu"))
    assert not placement_options.follows_zones([], chain("binpack cpu", zones))
    assert not placement_options.follows_zones(member_of("attribute:ecs.availability-zone != us-east-1a"), [])


def test_a_strategy_named_twice_or_behind_chance_changes_nothing() -> None:
    rule = placement_options.rule
    assert rule([], chain("binpack CPU", "binpack cpu")) == rule([], chain("binpack cpu"))
    assert rule([], chain("random", "binpack cpu")) == rule([], chain("random"))
    assert rule([], chain("spread attribute:ECS.availability-zone", "spread host")) == DEFAULT
