"""Alarms: told by others, and what becomes of deployments that ring one (spec §9.5)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import alarm
from quarterdeck.engine.core.react import concerned
from quarterdeck.events import shapes
from quarterdeck.events.alarm import AlarmStateChanged
from quarterdeck.events.own import PutAlarmStateRequest
from quarterdeck.events.service import DeploymentFailed, DeploymentStarted
from tests.engine.core.story import Story, created, defined, deployed, given, joined

GOOD, NEXT = "ecs-svc/900", "ecs-svc/901"


def running(*, rollback: bool = True, enable: bool = True) -> Story:
    """A service whose deployments are watched by two alarms."""
    alarms = shapes.DeploymentAlarms(alarm_names=["errors", "latency"], enable=enable, rollback=rollback)
    story = given(defined("app:1"), defined("app:2"), joined("a1", cpu=9999, memory=9999))
    story.given(created(count=2, rules={"alarms": alarms}))
    story.run_service()
    return story


def put(story: Story, name: str, state: str) -> None:
    story.when(alarm.put, PutAlarmStateRequest(alarm_name=name, state_value=state, state_reason="because"))


def failures(story: Story) -> list[DeploymentFailed]:
    return [each for commit in story.commits for each in commit.events if isinstance(each, DeploymentFailed)]


def test_an_alarm_is_told_once_for_each_change() -> None:
    story = given()
    request = PutAlarmStateRequest(alarm_name="errors", state_value="ALARM", state_reason="5xx")
    assert story.when(alarm.put, request) == [AlarmStateChanged(alarm="errors", state="ALARM", reason="5xx")]
    assert story.when(alarm.put, request) == []
    put(story, "errors", "OK")
    assert story.state.alarms == {}
    assert story.when(alarm.put, PutAlarmStateRequest(alarm_name="errors", state_value="OK")) == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (PutAlarmStateRequest(state_value="OK"), "alarmName must have from 1 to 255 characters."),
        (PutAlarmStateRequest(alarm_name="a" * 256, state_value="OK"), "alarmName must have from 1 to 255 characters."),
        (PutAlarmStateRequest(alarm_name="a"), "stateValue should be one of [OK,ALARM,INSUFFICIENT_DATA]"),
    ],
)
def test_what_is_no_alarm_is_refused(request_: PutAlarmStateRequest, message: str) -> None:
    assert given().refusal(alarm.put, request_) == ("InvalidParameterException", message)


def test_alarms_are_not_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm, "ALARMS_MAX", 1)
    story = given()
    put(story, "errors", "ALARM")
    refused = ("InvalidParameterException", "At most 1 alarms can be other than OK.")
    assert story.refusal(alarm.put, PutAlarmStateRequest(alarm_name="more", state_value="ALARM")) == refused
    put(story, "errors", "INSUFFICIENT_DATA")


def test_an_alarm_that_rings_rolls_the_deployment_back() -> None:
    story = running()
    before = {each.id for each in story.live()}
    story.given(deployed("app:2", NEXT))
    story.settle()
    put(story, "latency", "ALARM")
    failed, back = story.reconcile()[:2]
    assert isinstance(failed, DeploymentFailed)
    assert (failed.cause, failed.reason) == ("ALARMS", "ECS deployment failed: alarm(s) detected.")
    assert failed.alarms == ["latency"]
    assert isinstance(back, DeploymentStarted)
    assert back.reason == f"ECS deployment alarms: rolling back to deploymentId {GOOD}."
    story.run_service()
    assert {each.id for each in story.live()} == before
    assert story.service().steady


def test_without_rollback_the_deployment_stays_failed() -> None:
    story = running(rollback=False).given(deployed("app:2", NEXT))
    story.settle()
    put(story, "errors", "ALARM")
    story.run_service()
    assert [each.failure for each in story.service().deployments] == ["ECS deployment failed: alarm(s) detected.", ""]


def test_an_alarm_that_rang_before_is_none_of_the_deployments_business() -> None:
    story = running()
    put(story, "errors", "ALARM")
    story.given(deployed("app:2", NEXT))
    put(story, "errors", "OK")
    put(story, "errors", "ALARM")
    story.run_service()
    assert not failures(story)
    assert {each.definition for each in story.live()} == {"app:2"}


@pytest.mark.parametrize(("name", "state"), [("other", "ALARM"), ("errors", "INSUFFICIENT_DATA")])
def test_other_alarms_and_other_states_change_nothing(name: str, state: str) -> None:
    story = running().given(deployed("app:2", NEXT))
    put(story, name, state)
    story.run_service()
    assert not failures(story)


def test_alarms_that_are_not_enabled_change_nothing() -> None:
    story = running(enable=False).given(deployed("app:2", NEXT))
    put(story, "errors", "ALARM")
    story.run_service()
    assert not failures(story)


def test_a_deployment_that_completed_is_watched_no_more() -> None:
    story = running()
    put(story, "errors", "ALARM")
    story.run_service()
    assert not failures(story)


def test_an_alarm_concerns_the_services_that_name_it() -> None:
    story = running().given(created("other", deployment="ecs-svc/1"))
    event = AlarmStateChanged(alarm="errors", state="ALARM")
    assert list(concerned(story.state, event)) == [("default", "web")]
