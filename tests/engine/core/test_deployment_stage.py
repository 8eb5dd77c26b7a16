"""BLUE_GREEN, LINEAR and CANARY: stages, traffic, hooks, and the way back (spec §9.6)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from quarterdeck.engine.core import alarm, service, service_deployment, task_protection
from quarterdeck.engine.core.deployment_stage import STAGES
from quarterdeck.engine.core.service_deployment import HookPlace
from quarterdeck.engine.core.waiting import waiting_for
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import AgentDisconnected, AgentLost
from quarterdeck.events.names import service_deployment_id
from quarterdeck.events.own import PutAlarmStateRequest
from quarterdeck.events.service import (
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentHookEnded,
    DeploymentHookStarted,
    DeploymentStageEntered,
    DeploymentTrafficShifted,
    ServiceDeploymentBlocked,
    ServiceTaskPlacementFailed,
    ServiceUpdated,
)
from quarterdeck.events.task import TaskHealthChanged, TaskProtectionEnabled, TaskStarted
from tests.checkers import check
from tests.engine.core.story import (
    ARN,
    NOON,
    Story,
    created,
    defined,
    deployed,
    given,
    joined,
    placed,
    started,
    stopped,
)

BLUE, GREEN, THIRD = "ecs-svc/900", "ecs-svc/901", "ecs-svc/902"
HOOK = shapes.DeploymentLifecycleHook
TIMEOUT = shapes.DeploymentLifecycleHookTimeoutConfiguration
TARGET = "https://checks.example/smoke"
MINUTE = 60.0


def running(strategy: str = "BLUE_GREEN", count: int = 3, **rules: Any) -> Story:
    """A service that runs, and whose next deployment goes stage by stage."""
    story = given(defined("app:1"), defined("app:2"), defined("app:3"))
    story.given(joined("a1", "a", cpu=99999, memory=99999), joined("b1", "b", cpu=99999, memory=99999))
    story.given(created(count=count, rules={"strategy": strategy, **rules}))
    story.run_service()
    return story


def told(story: Story, kind: type[AnyEvent]) -> list[Any]:
    return [event for commit in story.commits for event in commit.events if isinstance(event, kind)]


def stages(story: Story) -> list[str]:
    return [each.stage for each in told(story, DeploymentStageEntered)]


def count(story: Story) -> dict[str, int]:
    """Count the tasks that are wanted, by revision."""
    found: dict[str, int] = {}
    for each in story.live():
        if each.desired_status == "RUNNING":
            found[each.definition] = found.get(each.definition, 0) + 1
    return found


def answer(story: Story, begun: DeploymentHookStarted, status: str, reason: str) -> list[AnyEvent]:
    """Tell what the target of a hook answered."""
    place = HookPlace(begun.cluster, begun.service, begun.deployment, begun.hook)
    return story.when(service_deployment.end_hook, place, status, reason)


def shifts(story: Story) -> list[tuple[float, float]]:
    return [(each.test, each.production) for each in told(story, DeploymentTrafficShifted)]


def test_the_first_deployment_has_nothing_beside_it_and_no_stages() -> None:
    story = running()
    assert stages(story) == []
    assert story.service().deployments[0].completed


def test_green_is_started_beside_blue_gets_the_traffic_bakes_and_blue_is_cleaned_up() -> None:
    story = running(bake_time_in_minutes=10).given(deployed("app:2", GREEN))
    story.settle()
    assert stages(story) == ["PRE_SCALE_UP", "SCALE_UP"]
    assert count(story) == {"app:1": 3, "app:2": 3}
    following = story.run_service()
    assert stages(story) == [*STAGES[1:-1]]
    assert shifts(story) == [(100.0, 0.0), (100.0, 100.0)]
    assert following.at == NOON + 10 * MINUTE
    assert count(story) == {"app:1": 3, "app:2": 3}, "both run while it bakes"
    story.after(10 * MINUTE).run_service()
    assert stages(story)[-1] == "CLEAN_UP"
    assert count(story) == {"app:2": 3}
    assert told(story, DeploymentCompleted)[-1].deployment == GREEN
    assert [each.id for each in story.service().deployments] == [GREEN]
    assert story.service().steady
    check(story.state)


def test_green_goes_on_however_ill_blue_is_by_then() -> None:
    story = given(defined("app:1", checked=True), defined("app:2"), joined("a1", cpu=99999, memory=99999))
    story.given(created(count=2, rules={"strategy": "BLUE_GREEN"}))
    story.settle()
    story.agents_start()
    blue = story.checks_pass()
    story.run_service()
    story.given(deployed("app:2", GREEN))
    story.settle()
    story.given(TaskHealthChanged(cluster="default", task=blue[0], health_status="UNHEALTHY"))
    story.run_service()
    assert "POST_SCALE_UP" in stages(story)
    assert count(story) == {"app:2": 2}


def test_canary_gives_a_little_traffic_at_first_and_the_rest_after_its_bake_time() -> None:
    canary = shapes.CanaryConfiguration(canary_percent=20.0, canary_bake_time_in_minutes=5)
    story = running("CANARY", canary_configuration=canary).given(deployed("app:2", GREEN))
    following = story.run_service()
    assert shifts(story) == [(100.0, 0.0), (100.0, 20.0)]
    assert following.at == NOON + 5 * MINUTE
    story.after(5 * MINUTE).run_service()
    assert shifts(story)[-1] == (100.0, 100.0)
    assert count(story) == {"app:2": 3}


def test_linear_shifts_step_by_step() -> None:
    linear = shapes.LinearConfiguration(step_percent=40.0, step_bake_time_in_minutes=2)
    story = running("LINEAR", linear_configuration=linear).given(deployed("app:2", GREEN))
    for expected in (40.0, 80.0, 100.0):
        story.run_service()
        assert shifts(story)[-1] == (100.0, expected)
        story.after(2 * MINUTE)
    assert count(story) == {"app:2": 3}
    assert story.service().steady


@pytest.mark.parametrize("at", ["PRE_SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"])
def test_a_stage_waits_for_its_hook(at: str) -> None:
    hook = HOOK(hook_target_arn=TARGET, lifecycle_stages=[at], hook_details={"a": 1})
    story = running(lifecycle_hooks=[hook]).given(deployed("app:2", GREEN))
    following = story.run_service()
    assert stages(story)[-1] == at
    (begun,) = told(story, DeploymentHookStarted)
    assert (begun.stage, begun.target_type, begun.target, begun.details) == (at, "AWS_LAMBDA", TARGET, '{"a":1}')
    assert begun.expires_at == following.at == NOON + 1440 * MINUTE
    answer(story, begun, "SUCCEEDED", "")
    story.run_service()
    assert count(story) == {"app:2": 3}


@pytest.mark.parametrize("at", ["PRE_SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"])
def test_a_hook_that_fails_sends_the_service_back_to_blue(at: str) -> None:
    hook = HOOK(hook_target_arn=TARGET, lifecycle_stages=[at])
    story = running(lifecycle_hooks=[hook]).given(deployed("app:2", GREEN))
    before = {each.id for each in story.live()}
    story.run_service()
    (begun,) = told(story, DeploymentHookStarted)
    answer(story, begun, "FAILED", "no")
    story.run_service()
    (failed,) = told(story, DeploymentFailed)
    assert failed.cause == "HOOK"
    assert failed.reason == f"ECS deployment lifecycle hook: {TARGET} FAILED in stage {at}."
    assert {each.id for each in story.live()} == before, "blue is as it was"
    assert [each.id for each in story.service().deployments] == [BLUE]
    assert not shifts(story) or shifts(story)[-1] == (0.0, 0.0), "and has all traffic again"
    assert story.service().steady


def going_back(**limit: Any) -> tuple[Story, list[DeploymentHookStarted]]:
    """A deployment that failed after traffic shifted, and the hooks that are asked on the way back."""
    shifts_ = HOOK(
        hook_target_arn=TARGET,
        lifecycle_stages=["TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT"],
        timeout_configuration=TIMEOUT(**limit) if limit else None,
    )
    story = running(lifecycle_hooks=[shifts_]).given(deployed("app:2", GREEN))
    for status in ("SUCCEEDED", "SUCCEEDED", "FAILED"):
        story.run_service()
        answer(story, told(story, DeploymentHookStarted)[-1], status, "")
    story.run_service()
    return story, [each for each in told(story, DeploymentHookStarted) if each.deployment == BLUE]


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_on_the_way_back_the_hooks_of_shifted_traffic_are_asked_again_and_green_stays_until_they_answer(
    status: str,
) -> None:
    story, asked = going_back()
    assert [each.stage for each in asked] == ["PRODUCTION_TRAFFIC_SHIFT", "TEST_TRAFFIC_SHIFT"]
    assert shifts(story)[-1] == (0.0, 0.0)
    assert count(story) == {"app:1": 3, "app:2": 3}, "somebody's traffic may still go there"
    said = f"until then nothing is stopped: {TARGET} is IN_PROGRESS, {TARGET} is IN_PROGRESS"
    assert any(said in each for each in waiting_for(story.turn(), story.cluster(), story.service()))
    answer(story, asked[0], status, "")
    story.given(stopped(next(each.id for each in story.live() if each.definition == "app:1")))
    story.run_service()
    assert count(story) == {"app:1": 3, "app:2": 3}, "what is gone back to is kept meanwhile"
    answer(story, asked[1], status, "")
    story.run_service()
    assert count(story) == {"app:1": 3}
    assert story.service().steady
    assert told(story, DeploymentCompleted)[-1].deployment == BLUE
    check(story.state)


def test_a_hook_that_never_answers_on_the_way_back_is_waited_for_until_its_time_is_over() -> None:
    story, asked = going_back(timeout_in_minutes=3)
    assert story.run_service().at == asked[0].expires_at == NOON + 3 * MINUTE
    story.after(3 * MINUTE).run_service()
    assert count(story) == {"app:1": 3}
    assert [each.status for each in told(story, DeploymentHookEnded)][-2:] == ["TIMED_OUT", "TIMED_OUT"]


def test_a_rollback_that_is_aborted_waits_for_no_hook() -> None:
    story, _ = going_back()
    arn = f"{ARN}service-deployment/default/web/{service_deployment_id(GREEN)}"
    abort = shapes.StopServiceDeploymentRequest(service_deployment_arn=arn, stop_type="ABORT")
    story.when(service_deployment.stop, abort)
    story.run_service()
    assert count(story) == {"app:1": 3, "app:2": 3}
    assert story.service().deployments[0].failure


def test_what_a_hook_answers_too_late_changes_nothing() -> None:
    hook = HOOK(hook_target_arn=TARGET, lifecycle_stages=["PRE_SCALE_UP"])
    story = running(lifecycle_hooks=[hook]).given(deployed("app:2", GREEN))
    story.run_service()
    (begun,) = told(story, DeploymentHookStarted)
    answer(story, begun, "SUCCEEDED", "")
    assert answer(story, begun, "FAILED", "") == []
    story.run_service()
    assert answer(story, begun, "FAILED", "") == []


@pytest.mark.parametrize(("action", "expected"), [("CONTINUE", "app:2"), ("ROLLBACK", "app:1"), (None, "app:1")])
def test_a_hook_that_takes_too_long_times_out(action: str | None, expected: str) -> None:
    limit = TIMEOUT(timeout_in_minutes=3, action=action)
    hook = HOOK(hook_target_arn=TARGET, lifecycle_stages=["POST_SCALE_UP"], timeout_configuration=limit)
    story = running(lifecycle_hooks=[hook]).given(deployed("app:2", GREEN))
    story.run_service()
    story.after(3 * MINUTE - 1).run_service()
    assert count(story) == {"app:1": 3, "app:2": 3}
    story.after(1).run_service()
    assert told(story, DeploymentHookEnded)[0].status == "TIMED_OUT"
    assert count(story) == {expected: 3}


def resume(hook: str, action: str | None, deployment: str = GREEN) -> shapes.ContinueServiceDeploymentRequest:
    arn = f"{ARN}service-deployment/default/web/{service_deployment_id(deployment)}"
    return shapes.ContinueServiceDeploymentRequest(service_deployment_arn=arn, hook_id=hook, action=action)


@pytest.mark.parametrize(("action", "expected"), [("CONTINUE", "app:2"), (None, "app:2"), ("ROLLBACK", "app:1")])
def test_a_pause_waits_for_somebody_who_says_where_to_go(action: str | None, expected: str) -> None:
    hook = HOOK(target_type="PAUSE", lifecycle_stages=["PRE_PRODUCTION_TRAFFIC_SHIFT"])
    story = running(lifecycle_hooks=[hook]).given(deployed("app:2", GREEN))
    story.run_service()
    (begun,) = told(story, DeploymentHookStarted)
    assert answer(story, begun, "SUCCEEDED", "") == [], "no target answers a pause"
    story.when(service_deployment.go_on, resume(begun.hook, action))
    story.run_service()
    assert count(story) == {expected: 3}
    if expected == "app:2":
        refused = f"The service deployment has no hook {begun.hook} that waits."
        code = ("InvalidParameterException", refused)
        assert story.refusal(service_deployment.go_on, resume(begun.hook, action)) == code


def test_an_alarm_that_rings_while_it_bakes_sends_the_service_back() -> None:
    alarms = shapes.DeploymentAlarms(alarm_names=["errors"], enable=True, rollback=True)
    story = running(alarms=alarms, bake_time_in_minutes=5).given(deployed("app:2", GREEN))
    story.run_service()
    story.when(alarm.put, PutAlarmStateRequest(alarm_name="errors", state_value="ALARM"))
    story.run_service()
    assert count(story) == {"app:1": 3}
    assert shifts(story)[-1] == (0.0, 0.0)


def test_a_deployment_stopped_between_stages_goes_back() -> None:
    story = running(bake_time_in_minutes=5).given(deployed("app:2", GREEN))
    story.run_service()
    arn = f"{ARN}service-deployment/default/web/{service_deployment_id(GREEN)}"
    story.when(service_deployment.stop, shapes.StopServiceDeploymentRequest(service_deployment_arn=arn))
    story.run_service()
    assert count(story) == {"app:1": 3}


def test_green_that_never_comes_up_is_given_up_after_a_day() -> None:
    story = running().given(deployed("app:2", GREEN))
    story.settle()
    story.after(24 * 3600.0 - 1).settle()
    assert not told(story, DeploymentFailed)
    story.after(1).settle()
    (failed,) = told(story, DeploymentFailed)
    assert failed.reason == "ECS deployment: the stage SCALE_UP took more than 24 hours."
    story.run_service()
    assert count(story) == {"app:1": 3}


@pytest.mark.parametrize(("at", "kept"), [("POST_SCALE_UP", "app:1"), ("POST_PRODUCTION_TRAFFIC_SHIFT", "app:2")])
def test_a_newer_deployment_keeps_what_has_the_traffic_and_clears_the_other_away(at: str, kept: str) -> None:
    story = running(lifecycle_hooks=[HOOK(target_type="PAUSE", lifecycle_stages=[at])]).given(deployed("app:2", GREEN))
    story.run_service()
    assert stages(story)[-1] == at
    story.given(deployed("app:3", THIRD))
    story.settle()
    assert stages(story)[-1] == "RECONCILE_SERVICE"
    assert count(story) == {kept: 3}
    story.run_service()
    assert count(story) == {kept: 3, "app:3": 3}
    begun = told(story, DeploymentHookStarted)[-1]
    story.when(service_deployment.go_on, resume(begun.hook, "CONTINUE", THIRD))
    story.run_service()
    assert count(story) == {"app:3": 3}


def test_clearing_away_leaves_the_minimum_of_healthy_tasks() -> None:
    story = running(lifecycle_hooks=[HOOK(target_type="PAUSE", lifecycle_stages=["POST_SCALE_UP"])])
    story.given(deployed("app:2", GREEN))
    story.run_service()
    story.given(stopped(each.id) for each in [each for each in story.live() if each.definition == "app:1"][:2])
    story.given(deployed("app:3", THIRD))
    story.settle()
    assert count(story) == {"app:1": 3, "app:2": 2}, "with one old task that runs, three run"
    story.run_service()
    assert "app:2" not in count(story)


def test_both_sides_are_kept_at_the_desired_count() -> None:
    story = running(bake_time_in_minutes=5).given(deployed("app:2", GREEN))
    story.run_service()
    for definition in ("app:1", "app:2"):
        story.given(stopped(next(each.id for each in story.live() if each.definition == definition)))
    story.run_service()
    assert count(story) == {"app:1": 3, "app:2": 3}
    for desired in (5, 2):
        story.given(ServiceUpdated(cluster="default", service="web", desired_count=desired))
        story.run_service()
        assert count(story) == {"app:1": desired, "app:2": desired}
    story.after(5 * MINUTE).run_service()
    assert count(story) == {"app:2": 2}
    check(story.state)


def test_unhealthy_tasks_are_replaced_on_both_sides_and_old_ones_do_not_keep_green_from_going_on() -> None:
    story = given(defined("app:1", checked=True), defined("app:2", checked=True), joined("a1", cpu=9999, memory=9999))
    story.given(created(count=2, rules={"strategy": "BLUE_GREEN"}))
    health(story, "HEALTHY")
    story.given(deployed("app:2", GREEN))
    story.settle()
    (ill, _) = [each.id for each in story.live() if each.definition == "app:1"]
    story.given(TaskHealthChanged(cluster="default", task=ill, health_status="UNHEALTHY"))
    story.settle()
    assert story.task(ill).stop_reason == "Task failed container health checks"
    assert count(story) == {"app:1": 2, "app:2": 2}
    for each in [each for each in story.live() if each.definition == "app:2"]:
        story.given(TaskStarted(cluster="default", task=each.id))
        assert stages(story)[-1] == "SCALE_UP"
        story.given(TaskHealthChanged(cluster="default", task=each.id, health_status="HEALTHY"))
    story.settle()
    assert "POST_SCALE_UP" in stages(story)
    health(story, "HEALTHY")
    assert count(story) == {"app:2": 2}
    check(story.state)


def health(story: Story, status: str) -> None:
    """Let agents and health checks work to the end."""
    for _ in range(9):
        story.run_service()
        fresh = [each for each in story.live() if each.last_status == "RUNNING" and each.health == "UNKNOWN"]
        story.given(TaskHealthChanged(cluster="default", task=each.id, health_status=status) for each in fresh)
    assert story.service().steady


def test_without_room_for_green_blue_goes_on_and_it_is_told() -> None:
    story = given(defined("app:1"), defined("app:2", cpu=4000), joined("a1"), joined("b1", "b"))
    story.given(created(count=2, rules={"strategy": "BLUE_GREEN"}))
    story.run_service()
    story.given(deployed("app:2", GREEN))
    following = story.run_service()
    assert following.waits_for_room
    assert count(story) == {"app:1": 2}
    assert story.service().unplaced[GREEN][0] == "RESOURCE:CPU"


def test_what_blue_and_green_lack_is_told_once_of_each() -> None:
    """They lack different things: neither lets the other's be said again."""
    story = given(defined("app:1", cpu=3000), defined("app:2", cpu=10, memory=9000), defined("app:3", cpu=2000))
    story.given(joined("a1"), joined("b1", "b"), created(count=2, rules={"strategy": "BLUE_GREEN"}))
    story.run_service()
    story.given(stopped(story.on("a1")[0].id), placed("other", "a1", definition="app:3"), deployed("app:2", GREEN))
    for _ in range(3):
        story.settle()
    failed = {(each.deployment, each.reason): each.detail for each in told(story, ServiceTaskPlacementFailed)}
    assert failed == {
        (BLUE, "RESOURCE:CPU"): "needs 3000 CPU units, 2096 left",
        (GREEN, "RESOURCE:MEMORY"): "needs 9000 MiB, 7680 left",
    }
    assert len(told(story, ServiceTaskPlacementFailed)) == 2


def test_a_service_that_wants_nothing_needs_no_stages() -> None:
    story = running(count=0).given(deployed("app:2", GREEN))
    story.run_service()
    assert stages(story) == []
    assert story.service().deployments[0].completed


def test_a_blue_task_that_falls_ill_does_not_hold_green_up() -> None:
    """Simulation: what was to be replaced became UNHEALTHY while green was scaled up, which then waited for ever."""
    story = given(defined("app:1", checked=True), defined("app:2"))
    story.given(joined("a1", "a", cpu=99999, memory=99999), created(count=2, rules={"strategy": "BLUE_GREEN"}))
    story.settle()
    blue = [each.id for each in story.live()]
    story.agents_start()
    story.given(TaskHealthChanged(cluster="default", task=each, health_status="HEALTHY") for each in blue)
    story.run_service()
    story.given(deployed("app:2", GREEN)).settle()
    story.given(TaskHealthChanged(cluster="default", task=blue[0], health_status="UNHEALTHY"))
    story.run_service()
    assert count(story) == {"app:2": 2}


def test_green_tasks_lost_in_clean_up_are_started_beside_blue_ones_that_are_protected() -> None:
    """Simulation, seed 65: desired 1 at 100/150 left the protected blue task alone, without traffic, for ever."""
    story = given(defined("app:1"), defined("app:2"))
    story.given(joined("a1", "a", cpu=99999, memory=99999), joined("b1", "b", cpu=99999, memory=99999))
    story.given(created(count=1, maximum=150, rules={"strategy": "BLUE_GREEN"})).run_service()
    (blue,) = story.live()
    story.given(TaskProtectionEnabled(cluster="default", task=blue.id, expires_at=NOON + MINUTE))
    story.given(deployed("app:2", GREEN)).run_service()
    (green,) = [each for each in story.live() if each.id != blue.id]
    assert stages(story)[-1] == "CLEAN_UP"
    story.given(stopped(green.id))
    story.run_service()
    assert count(story) == {"app:1": 1, "app:2": 1}
    story.after(2 * MINUTE).when(task_protection.expire)
    story.run_service()
    assert count(story) == {"app:2": 1}


def test_a_blue_task_that_falls_ill_is_replaced_by_its_own_revision_while_green_waits() -> None:
    """Simulation, seed 4577: green found no room, and the ill blue tasks were left as they were."""
    story = given(defined("app:1", checked=True), defined("app:2", cpu=5000))
    story.given(joined("a1", "a", cpu=4096), created(count=1, rules={"strategy": "BLUE_GREEN"}))
    story.settle()
    (blue,) = story.live()
    story.agents_start()
    story.given(TaskHealthChanged(cluster="default", task=blue.id, health_status="HEALTHY"))
    story.run_service()
    story.given(deployed("app:2", GREEN)).settle()
    story.given(TaskHealthChanged(cluster="default", task=blue.id, health_status="UNHEALTHY"))
    story.run_service()
    assert count(story) == {"app:1": 1}
    assert story.task(blue.id).last_status == "STOPPED"


def test_tasks_whose_agent_is_lost_are_none_of_the_healthy_ones_that_must_remain() -> None:
    """Simulation, seed 8260: what was cleared away counted lost tasks as if they still served."""
    story = running(count=2).given(deployed("app:2", GREEN))
    story.settle()
    story.agents_start()
    story.given(AgentDisconnected(cluster="default", container_instance="b1"))
    story.given(AgentLost(cluster="default", container_instance="b1", after_seconds=60.0))
    story.given(deployed("app:3", THIRD))
    story.reconcile()
    assert stages(story)[-1] == "RECONCILE_SERVICE"
    heard = [each for each in story.on("a1") if each.healthy]
    assert [each.definition for each in heard] == ["app:1", "app:2"], "two must remain"


def test_clearing_away_that_the_minimum_forbids_while_blue_finds_no_room_is_told_once() -> None:
    """Simulation, seed 21539: nothing said what the deployment waited for."""
    story = given(defined("app:1", port=80), defined("app:2", port=80), defined("app:3"), joined("a1"), joined("b1"))
    story.given(created(count=2, rules={"strategy": "BLUE_GREEN"}))
    story.given(DeploymentCompleted(cluster="default", service="web", deployment=BLUE))
    story.given(placed("t1", "a1", service="web"), started("t1"), deployed("app:2", GREEN))
    story.given(placed("t2", "b1", service="web", deployment=GREEN, definition="app:2"), started("t2"))
    story.given(deployed("app:3", THIRD))
    story.run_service()
    (blocked,) = told(story, ServiceDeploymentBlocked)
    assert (blocked.deployment, blocked.lower, blocked.upper) == (THIRD, 2, 4)
    assert count(story) == {"app:1": 1, "app:2": 1}
    waits = waiting_for(story.turn(), story.cluster(), story.service())
    assert waits[-1] == "other percents: with 2 that must stay and 4 at most, none may be started and none stopped"


def paused(stage: str = "POST_SCALE_UP", count: int = 1) -> Story:
    """A service whose green tasks run beside its blue ones, until somebody says that they may go on."""
    story = running(count=count, lifecycle_hooks=[HOOK(target_type="PAUSE", lifecycle_stages=[stage])])
    story.given(deployed("app:2", GREEN))
    story.run_service()
    return story


def blue_ends(story: Story) -> None:
    for each in story.live():
        if each.definition == "app:1":
            story.given(stopped(each.id))


@pytest.mark.parametrize("at", ["PRE_SCALE_UP", "POST_SCALE_UP", "POST_PRODUCTION_TRAFFIC_SHIFT"])
def test_blue_whose_last_task_ends_is_started_anew_and_green_skips_no_stage(at: str) -> None:
    story = paused(at)
    blue_ends(story)
    assert [each.id for each in story.service().deployments] == [GREEN, BLUE]
    check(story.state)
    story.run_service()
    assert count(story)["app:1"] == 1
    assert stages(story)[-1] == at
    assert not story.service().deployments[0].completed
    check(story.state)


def test_blue_whose_last_task_ends_before_green_begins_has_stages_too() -> None:
    story = running(count=1).given(deployed("app:2", GREEN))
    blue_ends(story)
    story.run_service()
    assert stages(story) == [*STAGES[1:]]
    assert count(story) == {"app:2": 1}


def test_blue_without_tasks_is_what_a_service_goes_back_to() -> None:
    story = paused()
    blue_ends(story)
    arn = f"{ARN}service-deployment/default/web/{service_deployment_id(GREEN)}"
    story.when(service_deployment.stop, shapes.StopServiceDeploymentRequest(service_deployment_arn=arn))
    story.run_service()
    assert count(story) == {"app:1": 1}
    assert [each.id for each in story.service().deployments] == [BLUE]
    check(story.state)


def test_blue_without_tasks_leaves_with_the_last_stage_or_the_strategy() -> None:
    story = paused("POST_PRODUCTION_TRAFFIC_SHIFT")
    blue_ends(story)
    settings = story.service().settings
    rolling = shapes.DeploymentConfiguration(strategy="ROLLING", minimum_healthy_percent=100, maximum_percent=200)
    other = msgspec.structs.replace(settings, deployment_configuration=rolling)
    story.given(ServiceUpdated(cluster="default", service="web", settings=other))
    check(story.state)
    story.run_service()
    assert [each.id for each in story.service().deployments] == [GREEN]
    assert story.service().steady


@pytest.mark.parametrize("empty", [False, True])
def test_a_service_that_wants_nothing_any_more_waits_for_no_stage(*, empty: bool) -> None:
    story = paused()
    if empty:
        blue_ends(story)
    story.given(ServiceUpdated(cluster="default", service="web", desired_count=0))
    check(story.state)
    story.run_service()
    assert [(each.id, each.completed) for each in story.service().deployments] == [(GREEN, True)]
    assert story.live() == []
    check(story.state)


def test_a_service_that_goes_keeps_no_blue_without_tasks() -> None:
    story = paused()
    blue_ends(story)
    story.when(service.delete, shapes.DeleteServiceRequest(service="web", force=True))
    check(story.state)
    story.run_service()
    assert story.service().status == "INACTIVE"
