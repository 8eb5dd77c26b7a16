"""New tasks on trial: without health checks they count as healthy once they have run for a while (spec §9.2)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core.turn import Settings
from quarterdeck.engine.core.waiting import waiting_for
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.service import DeploymentTrafficShifted, ServiceDeploymentBlocked
from quarterdeck.events.task import TaskHealthChanged
from tests.checkers import check
from tests.engine.core.story import Story, created, defined, deployed, joined, stopped

SECONDS = 40.0


def updated(count: int = 2, *, checked: bool = False, **members: Any) -> Story:
    """A service that has run for an hour, and whose new tasks run since just now."""
    story = Story(settings=Settings(healthy_after=SECONDS)).given(ClusterCreated(cluster="default"))
    story.given(defined("app:1"), defined("app:2", checked=checked))
    story.given(joined("a1", cpu=99999, memory=99999), created(count=count, **members))
    story.run_service()
    assert story.service().steady, "a first deployment waits for nothing"
    story.after(3600.0).given(deployed("app:2", "ecs-svc/901"))
    story.settle()
    story.agents_stop()
    story.settle()
    story.agents_start()
    return story


def of(story: Story, definition: str) -> int:
    return sum(1 for each in story.live() if each.definition == definition and each.desired_status == "RUNNING")


def test_old_tasks_stay_until_new_ones_have_run_for_a_while() -> None:
    story = updated()
    assert story.settle().at == story.now + SECONDS
    story.after(10.0)
    said = waiting_for(story.turn(), story.cluster(), story.service())
    assert said[-1] == "2 new tasks to run for 30 s more, then old ones stop for them"
    story.after(SECONDS - 10.1).settle()
    assert (of(story, "app:1"), of(story, "app:2")) == (2, 2)
    story.after(0.1).run_service()
    assert (of(story, "app:1"), of(story, "app:2")) == (0, 2)
    assert story.service().steady
    check(story.state)


def test_new_tasks_that_end_soon_never_take_the_old_ones_along() -> None:
    story = updated()
    for _ in range(5):
        story.settle()
        fresh = [each.id for each in story.live() if each.definition == "app:2"]
        story.after(30.0).given(stopped(name) for name in fresh)
        story.settle()
        story.agents_start()
        assert of(story, "app:1") == 2


def test_a_health_check_tells_more_than_time() -> None:
    story = updated(checked=True)
    fresh = [each.id for each in story.live() if each.definition == "app:2"]
    story.given(TaskHealthChanged(cluster="default", task=name, health_status="HEALTHY") for name in fresh)
    story.settle()
    assert of(story, "app:1") == 0


@pytest.mark.parametrize(("count", "minimum", "maximum"), [(3, 66, 133), (4, 50, 100), (10, 90, 110)])
def test_a_trial_is_no_deadlock(count: int, minimum: int, maximum: int) -> None:
    story = updated(count, minimum=minimum, maximum=maximum)
    for _ in range(2 * count):
        story.run_service()
        story.after(SECONDS)
    assert (of(story, "app:1"), of(story, "app:2")) == (0, count)
    told = [event for commit in story.commits for event in commit.events]
    assert not [each for each in told if isinstance(each, ServiceDeploymentBlocked)]


def test_daemons_are_on_trial_too() -> None:
    story = Story(settings=Settings(healthy_after=SECONDS)).given(ClusterCreated(cluster="default"))
    story.given(defined("app:1"), defined("app:2"), *(joined(f"a{number}") for number in range(3)))
    story.given(created(count=0, scheduling_strategy="DAEMON", minimum=66, maximum=100))
    story.run_service()
    story.given(deployed("app:2", "ecs-svc/901"))
    for done in range(3):
        story.run_service()
        assert of(story, "app:2") == done + 1
        story.after(SECONDS)
    story.run_service()
    assert story.service().deployments[0].completed


def test_green_gets_its_traffic_after_its_trial() -> None:
    story = updated(rules={"strategy": "BLUE_GREEN"})
    assert story.settle().at == story.now + SECONDS
    assert story.service().deployments[0].stage == "SCALE_UP"
    story.after(SECONDS).run_service()
    told = [event for commit in story.commits for event in commit.events]
    assert [each for each in told if isinstance(each, DeploymentTrafficShifted)]
    assert of(story, "app:1") == 0
