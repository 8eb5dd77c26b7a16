"""Settling: when a deployment is complete, and a service steady (spec §7.6, §9.3)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import alarm, service
from quarterdeck.engine.core.service_step import REPEAT_SECONDS
from quarterdeck.engine.core.turn import Settings
from quarterdeck.events import shapes
from quarterdeck.events.own import PutAlarmStateRequest
from quarterdeck.events.service import (
    DeploymentBaking,
    DeploymentCompleted,
    ServiceSteadyStateReached,
    ServiceTaskPlacementFailed,
)
from quarterdeck.events.task import TaskHealthChanged
from tests.engine.core.story import NOON, Story, created, defined, deployed, given, joined, stopped

NEXT = "ecs-svc/901"
COMPLETED = DeploymentCompleted(cluster="default", service="web", deployment=NEXT)
STEADY = ServiceSteadyStateReached(cluster="default", service="web")


def running(count: int = 2, minimum: int = 100, maximum: int = 200, **rules: object) -> Story:
    story = given(defined("app:1"), defined("app:2"), joined("a1", cpu=9999, memory=9999))
    story.given(created(count=count, minimum=minimum, maximum=maximum, rules=rules))
    story.run_service()
    return story


def test_the_steady_state_is_told_again_after_six_hours() -> None:
    story = running().after(REPEAT_SECONDS - 1)
    assert story.reconcile() == []
    assert story.after(1).reconcile() == [STEADY]
    assert story.reconcile() == []


def test_a_task_without_room_is_told_again_after_six_hours() -> None:
    story = given(defined(cpu=9999), joined("a1"), created(count=1))
    assert [type(each) for each in story.reconcile()] == [ServiceTaskPlacementFailed]
    assert story.after(REPEAT_SECONDS - 1).reconcile() == []
    assert [type(each) for each in story.after(1).reconcile()] == [ServiceTaskPlacementFailed]


def test_a_first_deployment_has_nothing_to_go_back_to_and_does_not_bake() -> None:
    assert running(bake_time_in_minutes=5).service().deployments[0].completed


def test_a_deployment_completes_after_its_bake_time() -> None:
    story = running(bake_time_in_minutes=5).given(deployed("app:2", NEXT))
    following = story.run_service()
    baking = DeploymentBaking(cluster="default", service="web", deployment=NEXT, until=NOON + 300)
    assert baking in [each for commit in story.commits for each in commit.events]
    assert following.at == NOON + 300
    assert {each.definition for each in story.live()} == {"app:2"}
    assert story.after(299).reconcile() == []
    assert story.after(1).reconcile() == [COMPLETED, STEADY]


def test_a_task_that_dies_meanwhile_is_replaced_and_the_bake_time_goes_on() -> None:
    story = running(bake_time_in_minutes=5).given(deployed("app:2", NEXT))
    story.run_service()
    story.given(stopped(story.live()[0].id)).after(200)
    story.run_service()
    assert not story.service().deployments[0].completed
    assert story.after(100).reconcile() == [COMPLETED, STEADY]


def test_an_alarm_that_rings_while_it_bakes_rolls_it_back_with_new_tasks_at_once() -> None:
    alarms = shapes.DeploymentAlarms(alarm_names=["errors"], enable=True, rollback=True)
    story = running(bake_time_in_minutes=5, alarms=alarms).given(deployed("app:2", NEXT))
    story.run_service()
    story.when(alarm.put, PutAlarmStateRequest(alarm_name="errors", state_value="ALARM"))
    story.run_service()
    assert {each.definition for each in story.live()} == {"app:1"}
    assert story.service().steady


CRITERIA = shapes.DeploymentEarlySuccessCriteria


@pytest.mark.parametrize(
    ("cleanup", "enable", "running_first", "early"),
    [
        ("DEFERRED", True, 2, True),
        ("BLOCKING", True, 2, False),
        ("DEFERRED", False, 2, False),
        ("DEFERRED", True, 1, False),
    ],
)
def test_enough_healthy_tasks_complete_a_deployment_early_if_old_ones_may_go_later(
    cleanup: str, running_first: int, *, enable: bool, early: bool
) -> None:
    criteria = CRITERIA(enable=enable, healthy_percent=50, source_service_revision_cleanup=cleanup)
    story = running(4, 50, 200, early_success_criteria=criteria).given(deployed("app:2", NEXT))
    story.settle()
    story.agents_start(running_first)
    assert (COMPLETED in story.reconcile()) is early
    story.run_service()
    assert {each.definition for each in story.live()} == {"app:2"}
    assert story.service().steady


def test_with_old_tasks_gone_first_enough_healthy_ones_are_success_before_all_are() -> None:
    criteria = CRITERIA(enable=True, healthy_percent=50, source_service_revision_cleanup="BLOCKING")
    story = running(4, 0, 100, early_success_criteria=criteria).given(deployed("app:2", NEXT))
    story.settle()
    story.agents_stop()
    story.settle()
    story.agents_start(2)
    assert COMPLETED in story.reconcile()
    assert not story.service().steady
    story.run_service()
    assert story.service().steady


def test_an_old_task_that_is_ill_does_not_hold_early_success_up() -> None:
    criteria = CRITERIA(enable=True, healthy_percent=50, source_service_revision_cleanup="DEFERRED")
    story = given(defined("app:1", checked=True), defined("app:2"), joined("a1", cpu=9999, memory=9999))
    story.given(created(count=4, rules={"early_success_criteria": criteria}))
    story.settle()
    story.agents_start()
    old = story.checks_pass()
    story.settle()
    story.given(deployed("app:2", NEXT))
    story.settle()
    story.given(TaskHealthChanged(cluster="default", task=old[0], health_status="UNKNOWN"))
    story.agents_start(2)
    assert COMPLETED in story.reconcile()


def test_early_success_is_that_of_tasks_whose_trial_is_over() -> None:
    criteria = CRITERIA(enable=True, healthy_percent=50, source_service_revision_cleanup="DEFERRED")
    story = running(4, early_success_criteria=criteria)
    story.settings = Settings(healthy_after=40.0)
    story.given(deployed("app:2", NEXT))
    story.settle()
    story.agents_start(2)
    assert story.settle().at == NOON + 40
    assert not story.service().deployments[0].completed
    assert COMPLETED in story.after(40).reconcile()


def test_an_update_that_changes_nothing_is_no_reason_to_tell_the_steady_state_again() -> None:
    story = running(2)
    story.when(service.update, shapes.UpdateServiceRequest(service="web", desired_count=2))
    assert story.reconcile() == []
    story.when(service.update, shapes.UpdateServiceRequest(service="web", desired_count=1))
    story.run_service()
    assert story.service().steady
