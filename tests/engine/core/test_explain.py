"""Explaining: every old decision asked again comes out as it did; what decided is said with its numbers."""

from __future__ import annotations

from random import Random  # noqa: TID251 - the type only: hypothesis hands out the chance, and prints its seed

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from quarterdeck.engine.core import placement_options, service, task, task_set
from quarterdeck.engine.core.explain import decided, next_task, of_service, preference
from quarterdeck.events import shapes
from quarterdeck.events.own import PlacementDecision
from quarterdeck.projections.live.view import LiveView
from tests.engine.core.chaos import ACTS, Chaos
from tests.engine.core.story import Story, created, defined, given, joined, networked, placed, subnets

FEWEST = "fewest tasks of the group on the instance"


def told_again(story: Story) -> list[PlacementDecision]:
    """Fold the story's log, and judge each placement before it."""
    view = LiveView()
    return [each for commit in story.commits for each in decided(view, commit, lambda _event: True)]


@for_all(st.randoms(use_true_random=True))
@settings(max_examples=30)
def test_every_decision_of_any_story_is_decided_again_as_it_was(chance: Random) -> None:
    story = Chaos()
    for _ in range(120):
        story.act(chance.randrange(len(ACTS)), chance.randrange(12), chance.randrange(12))
    found = told_again(story)
    assert [each for each in found if each.agrees is False] == []
    for each in found:
        assert all(verdict.fits or verdict.reason for verdict in each.verdicts or [])


def test_an_instance_that_fails_says_the_number_that_is_missing() -> None:
    story = given(joined("i1", cpu=300), joined("i2", memory=100), joined("i3", connected=False), defined())
    story.when(task.run, shapes.RunTaskRequest(task_definition="app:1", count=2))
    placed_, failed = told_again(story)
    assert (placed_.outcome, failed.outcome, failed.count) == ("PLACED", "FAILED", 1)
    details = {each.container_instance_arn: each.detail for each in failed.verdicts or []}
    assert [details[f"arn:aws:ecs:us-east-1:000000000000:container-instance/default/i{n}"] for n in (1, 2, 3)] == [
        "needs 256 CPU units, 44 left",
        "needs 512 MiB, 100 left",
        "agent is not connected",
    ]


def test_the_tie_break_says_what_decided() -> None:
    story = given(joined("i1", "a"), joined("i2", "b"), defined(), created(count=1))
    web = story.service()

    def decides() -> str | None:
        return next_task(story.state, of_service(web, "default")).tie_break

    assert decides() == "the lowest id, of 2 equal instances"
    story.given(placed("t1", "i1", "a", service="web"))
    assert decides() == "fewest tasks of the group in the zone: 0, the next has 1"
    story.given(joined("i3", "b"), placed("t2", "i2", "b", service="web"), placed("t3", "i1", "a", service="web"))
    assert decides() == "fewest tasks of the group on the instance: 0, the next has 1"


@pytest.mark.parametrize(
    ("strategies", "words"),
    [
        (
            [],
            "fewest tasks of the group in the zone, then fewest tasks of the group on the instance, then the lowest id",
        ),
        (
            [("binpack", "memory")],
            "least memory left, then fewest tasks of the group on the instance, then the lowest id",
        ),
        ([("spread", "attribute:rack"), ("random", "")], "fewest tasks of the group with its rack, then chance"),
    ],
)
def test_a_preference_is_said_in_words(strategies: list[tuple[str, str]], words: str) -> None:
    given_ = [shapes.PlacementStrategy(type=kind, field=field or None) for kind, field in strategies]
    assert preference(placement_options.rule([], given_)) == words


def test_what_strategies_compared_is_in_the_verdicts() -> None:
    story = given(joined("i1", memory=2000), joined("i2", memory=1000), defined())
    packed = [shapes.PlacementStrategy(type="binpack", field="memory")]
    story.when(task.run, shapes.RunTaskRequest(task_definition="app:1", placement_strategy=packed))
    (found,) = told_again(story)
    assert found.tie_break == "least memory left: 1000, the next has 2000"
    assert [(each.scores or {})["memory"] for each in found.verdicts or []] == [1000, 2000]


def test_a_task_set_that_finds_no_room_is_explained_with_what_its_own_tasks_need() -> None:
    story = given(joined("i1", cpu=300), defined(), defined("app:2", cpu=1024))
    controller = shapes.DeploymentController(type="EXTERNAL")
    story.when(
        service.create,
        shapes.CreateServiceRequest(service_name="web", desired_count=1, deployment_controller=controller),
    )
    for definition in ("app:1", "app:2"):
        story.when(
            task_set.create, shapes.CreateTaskSetRequest(cluster="default", service="web", task_definition=definition)
        )
    story.settle()
    *_, failed = told_again(story)
    assert (failed.outcome, failed.task_definition, failed.agrees) == ("FAILED", "app:2", True)
    assert [each.detail for each in failed.verdicts or []] == ["needs 1024 CPU units, 44 left"]


def test_a_service_that_no_subnet_of_its_has_room_for_is_explained_by_its_subnets() -> None:
    elsewhere = joined("i1", attributes={"quarterdeck.subnets": "subnet-a"})
    story = given(elsewhere, defined(), created(count=1, network_configuration=subnets("subnet-b")))
    story.settle()
    failed = told_again(story)[-1]
    assert (failed.outcome, failed.agrees) == ("FAILED", True)
    assert [each.reason for each in failed.verdicts or []] == ["LOCATION"]


def test_a_task_that_no_subnet_of_its_call_has_room_for_is_explained_by_its_subnets() -> None:
    story = given(joined("i1", attributes={"quarterdeck.subnets": "subnet-a"}), networked(defined()))
    story.when(task.run, shapes.RunTaskRequest(task_definition="app:1", network_configuration=subnets("subnet-b")))
    (failed,) = told_again(story)
    assert (failed.outcome, failed.agrees) == ("FAILED", True)
    assert [each.detail for each in failed.verdicts or []] == ["is in subnet-a, not in subnet-b"]


def test_a_daemon_goes_to_no_instance_that_has_it_and_nothing_is_preferred() -> None:
    only = [shapes.PlacementConstraint(type="memberOf", expression="runningTasksCount < 1")]
    story = given(joined("i1"), joined("i2", cpu=100), defined())
    story.given(created(scheduling_strategy="DAEMON", placement_constraints=only))
    story.settle()
    story.agents_start()
    started, failed = told_again(story)
    assert [each.outcome for each in (started, failed)] == ["STARTED", "FAILED"]
    assert [(each.fits, each.detail) for each in failed.verdicts or []] == [
        (False, "needs 256 CPU units, 100 left"),
        (False, "has a task of the group"),
    ]
    now = next_task(story.state, of_service(story.service(), "default"))
    assert now.container_instance_arn is None
    assert (now.preference, now.tie_break) == ("one on every instance that admits it", None)
    assert [each.detail for each in now.verdicts or []] == [each.detail for each in failed.verdicts or []]
