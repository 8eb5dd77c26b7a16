"""Placement: worked examples (spec §8.8), and the indexes held to the rule they are indexes of."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import task
from quarterdeck.engine.core.checks import detail, first_failing_check
from quarterdeck.engine.core.placement import Placed, Unplaceable, Verdict, matrix, place
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import ContainerInstanceStatusChanged
from quarterdeck.events.service import ServiceTaskPlacementFailed, ServiceUpdated
from quarterdeck.projections.live import room
from quarterdeck.projections.live.demand import Demand
from tests.checkers import check, check_balance
from tests.engine.core.story import Story, container, created, defined, given, joined, placed, started

SMALL = Demand(cpu=256, memory=512)
AWSVPC = shapes.TaskDefinition(
    family="app", revision=1, network_mode="awsvpc", container_definitions=[container(cpu=1, memory=8)]
)


def served(count: int, *told: object, **members: int) -> Story:
    story = given(defined(**members), *told, created(count=count))  # type: ignore[arg-type]  # events and lists of them
    story.run_service()
    return story


def test_three_zones_with_an_instance_each_take_five_tasks_as_2_2_1() -> None:
    story = served(5, joined("a1", "a"), joined("b1", "b"), joined("c1", "c"))
    assert story.spread() == {"a": 2, "b": 2, "c": 1}


def test_a_zone_whose_instance_drains_is_left_out() -> None:
    draining = ContainerInstanceStatusChanged(cluster="default", container_instance="a1", status="DRAINING")
    story = served(5, joined("a1", "a"), joined("b1", "b"), joined("c1", "c"), draining)
    assert story.spread() == {"b": 3, "c": 2}


def test_two_instances_in_one_zone_and_one_in_another_take_four_tasks_as_2_2() -> None:
    story = served(4, joined("a1", "a"), joined("a2", "a"), joined("b1", "b"))
    assert story.spread() == {"a": 2, "b": 2}
    assert (len(story.on("a1")), len(story.on("a2"))) == (1, 1)


def test_a_full_zone_is_passed_over() -> None:
    story = served(3, joined("a1", "a", cpu=0), joined("b1", "b"), joined("c1", "c"))
    assert story.spread() == {"b": 2, "c": 1}


def test_scaling_in_stops_a_task_in_the_zone_with_most() -> None:
    story = given(defined(), joined("a1", "a"), joined("b1", "b"), joined("c1", "c"), created(count=5))
    for name, zone in (("1", "a"), ("2", "a"), ("3", "a"), ("4", "b"), ("5", "c")):
        story.given(placed(name, f"{zone}1", zone, service="web"), started(name))
    story.given(ServiceUpdated(cluster="default", service="web", desired_count=4))
    story.run_service()
    assert story.spread() == {"a": 2, "b": 1, "c": 1}


def test_a_static_port_leaves_the_third_of_two_instances_out() -> None:
    story = given(defined(port=80), joined("a1", "a"), joined("b1", "b"), created(count=3))
    events = story.reconcile()
    (event,) = [each for each in events if isinstance(each, ServiceTaskPlacementFailed)]
    assert (event.count, event.reason) == (1, "RESOURCE:PORTS")
    story.run_service()
    assert story.service().running == 2


def test_equal_zones_are_balanced_to_within_one_at_every_step() -> None:
    story = given(defined(cpu=10, memory=10), *(joined(f"{zone}{n}", zone) for zone in "abc" for n in range(3)))
    for _ in range(40):
        found = place(story.cluster(), "batch", Demand(cpu=10, memory=10))
        assert isinstance(found, Placed)
        zone = found.instance.zone.removeprefix("us-east-1")
        story.given(placed(f"t{len(story.live())}", found.instance.id, zone, group="batch"))
        check_balance(story.cluster(), "batch")


def test_the_lowest_id_wins_between_equals_in_whatever_order_they_joined() -> None:
    for names in (("a1", "a2", "a3"), ("a3", "a1", "a2")):
        found = place(given(*(joined(name) for name in names)).cluster(), "g", SMALL)
        assert isinstance(found, Placed)
        assert (found.instance.id, found.explanation.runner_up) == ("a1", "a2")


@pytest.mark.parametrize(
    ("demand", "reason", "words"),
    [
        (Demand(cpu=100, memory=100), "", ""),
        (Demand(cpu=101, memory=100), "RESOURCE:CPU", "needs 101 CPU units, 100 left"),
        (Demand(cpu=100, memory=101), "RESOURCE:MEMORY", "needs 101 MiB, 100 left"),
        (Demand(cpu=101, memory=101, tcp=frozenset({22})), "RESOURCE:PORTS", "in use: 22"),
        (Demand(cpu=0, memory=101, gpus=1), "RESOURCE:MEMORY", "needs 101 MiB, 100 left"),
        (Demand(cpu=0, memory=0, udp=frozenset({53})), "RESOURCE:PORTS", "in use: 53"),
        (Demand(cpu=0, memory=0, udp=frozenset({22})), "", ""),
        (Demand(cpu=0, memory=0, attributes=frozenset({("gpu", "")})), "", ""),
        (Demand(cpu=0, memory=0, attributes=frozenset({("gpu", "a100")})), "", ""),
        (Demand(cpu=0, memory=0, attributes=frozenset({("gpu", "t4")})), "ATTRIBUTE", "lacks gpu=t4 (has a100)"),
        (Demand(cpu=0, memory=0, attributes=frozenset({("tpu", "")})), "ATTRIBUTE", "lacks tpu"),
    ],
)
def test_the_first_check_that_fails_is_named_with_its_numbers(demand: Demand, reason: str, words: str) -> None:
    story = given(joined("a1", cpu=100, memory=100, udp_ports=(53,), attributes={"gpu": "a100"}))
    instance = story.cluster().instances["a1"]
    assert first_failing_check(instance, demand) == reason
    assert detail(instance, demand, reason) == words


def test_status_comes_before_connection_and_connection_before_anything_else() -> None:
    story = given(joined("a1", cpu=0, connected=False))
    instance = story.cluster().instances["a1"]
    assert first_failing_check(instance, SMALL) == "AGENT"
    instance.status = "DRAINING"
    assert first_failing_check(instance, SMALL) == "STATUS"


def test_the_matrix_judges_every_instance_and_puts_the_chosen_one_first() -> None:
    story = given(defined(), joined("a1", "a"), joined("b1", "b"), joined("b2", "b", cpu=1), placed("t1", "a1"))
    assert matrix(story.cluster(), "family:app", SMALL) == [
        Verdict(container_instance="b1", zone="us-east-1b", zone_tasks=0, instance_tasks=0, chosen=True),
        Verdict(container_instance="a1", zone="us-east-1a", zone_tasks=1, instance_tasks=1),
        Verdict(
            container_instance="b2",
            zone="us-east-1b",
            zone_tasks=0,
            instance_tasks=0,
            reason="RESOURCE:CPU",
            detail="needs 256 CPU units, 1 left",
        ),
    ]


def test_a_cluster_of_nothing_has_no_place_and_no_reason() -> None:
    found = place(given().cluster(), "g", SMALL)
    assert isinstance(found, Unplaceable)
    assert (found.reason, found.explanation.considered) == ("", 0)


def test_queues_are_kept_up_to_a_number_and_groups_without_tasks_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "QUEUES_KEPT_MAX", 6)
    story = given(defined(), joined("a1", "a"), joined("b1", "b"))
    for number in range(50):
        found = place(story.cluster(), f"batch-{number}", SMALL)
        assert isinstance(found, Placed)
    kept = story.cluster().room
    assert len(kept.groups) <= 6
    assert sum(len(group.queues) for group in kept.groups.values()) <= 6
    story.given(placed("t1", "b1", "b", group="batch-0"))
    for number in range(50, 60):
        place(story.cluster(), f"batch-{number}", SMALL)
    found = place(story.cluster(), "batch-0", SMALL)
    assert isinstance(found, Placed)
    assert found.instance.id == "a1", "a queue begun again knows the tasks there are"
    check(story.state)


def test_what_no_queue_uses_any_more_is_not_known_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "QUEUES_KEPT_MAX", 2)
    story = given(joined("a1", cpu=100000, memory=100000))
    for number in range(50):
        place(story.cluster(), "g", Demand(cpu=number, memory=1))
    assert len(story.cluster().room.shapes) == 2


def test_a_task_with_a_network_of_its_own_goes_where_one_of_its_subnets_is() -> None:
    story = given(
        joined("a1", "a", attributes={"quarterdeck.subnets": "subnet-a,subnet-x"}),
        joined("b1", "b", attributes={"quarterdeck.subnets": "subnet-b"}),
    )
    need = Demand(cpu=1, memory=1, subnets=frozenset({"subnet-b", "subnet-c"}))
    found = place(story.cluster(), "family:app", need)
    assert isinstance(found, Placed)
    assert found.instance.id == "b1"
    assert first_failing_check(story.cluster().instances["a1"], need) == "LOCATION"
    words = detail(story.cluster().instances["a1"], need, "LOCATION")
    assert words == "is in subnet-a, subnet-x, not in subnet-b, subnet-c"


def test_an_instance_that_does_not_know_its_subnets_takes_any() -> None:
    story = given(joined("a1", "a"))
    need = Demand(cpu=1, memory=1, subnets=frozenset({"subnet-b"}))
    assert first_failing_check(story.cluster().instances["a1"], need) == ""


def test_run_task_tells_where_its_subnets_are_not() -> None:
    story = given(defined(definition=AWSVPC), joined("a1", "a", attributes={"quarterdeck.subnets": "subnet-a"}))
    vpc = shapes.AwsVpcConfiguration(subnets=["subnet-b"])
    network = shapes.NetworkConfiguration(awsvpc_configuration=vpc)
    request = shapes.RunTaskRequest(task_definition="app:1", network_configuration=network)
    story.when(task.run, request)
    assert [(each.reason, each.detail) for each in story.answer] == [("LOCATION", "is in subnet-a, not in subnet-b")]
