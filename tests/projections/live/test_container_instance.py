"""Container instances in the live view: what became INACTIVE is let go of, wherever it was remembered."""

from __future__ import annotations

from quarterdeck.engine.core import container_instance
from quarterdeck.events import shapes
from quarterdeck.projections.live.container_instance import INACTIVE_KEPT_SECONDS
from tests.checkers import check
from tests.engine.core.story import Story, created, defined, given, joined, stopped

DEREGISTER = shapes.DeregisterContainerInstanceRequest


def leave(story: Story, *names: str) -> None:
    for name in names:
        story.when(container_instance.deregister, DEREGISTER(container_instance=name, force=True))


def test_an_inactive_instance_stays_for_an_hour() -> None:
    story = given(joined("a1"), joined("a2"), joined("a3"))
    leave(story, "a1")
    leave(story.after(INACTIVE_KEPT_SECONDS), "a2")
    assert set(story.cluster().instances) == {"a1", "a2", "a3"}
    leave(story.after(1.0), "a3")
    assert set(story.cluster().instances) == {"a2", "a3"}
    assert story.retold().fingerprint() == story.view.fingerprint()
    check(story.state)


def test_instances_that_come_and_go_for_days_leave_nothing_behind() -> None:
    """A heap of a service's places, and the roster of a daemon, may name an instance long after it went."""
    everywhere = created("everywhere", definition="tiny:1", deployment="ecs-svc/901", scheduling_strategy="DAEMON")
    story = given(defined("app:1"), defined("tiny:1", cpu=1, memory=1), created(count=2), everywhere)
    for day in range(100):
        story.given(joined(f"a{day}"), joined(f"b{day}", "b"))
        story.run_service("everywhere")
        story.run_service()
        check(story.state)
        leave(story, f"a{day}")
        story.run_service()
        leave(story.after(3600.0), f"b{day}")
    assert len(story.cluster().instances) <= 4
    assert story.retold().fingerprint() == story.view.fingerprint()


def test_the_tasks_of_an_instance_that_is_forgotten_may_be_asked_for_as_long_as_they_are_there() -> None:
    story = given(defined("app:1"), joined("a1"), joined("a2"), created(count=1))
    story.settle()
    (task,) = story.live()
    story.given(stopped(task.id))
    leave(story, "a1", "a2")
    leave(story.after(INACTIVE_KEPT_SECONDS + 1).given(joined("a3")), "a3")
    assert set(story.cluster().instances) == {"a3"}
    assert story.task(task.id).last_status == "STOPPED"


def test_a_roster_that_was_not_asked_for_long_knows_what_is_gone() -> None:
    story = given(defined("app:1"), joined("a1"), joined("a2"), joined("a3"))
    cluster, needs = story.cluster(), story.state.families["app"].revisions[1].demand
    roster = cluster.room.roster("service:web", needs)
    assert roster.refresh(cluster.instances, lambda instance, _: instance.connected) == {"a1", "a2", "a3"}
    leave(story, "a1")
    leave(story.after(INACTIVE_KEPT_SECONDS + 1), "a2")
    assert roster.refresh(cluster.instances, lambda instance, _: instance.connected) == {"a3"}
