"""Service deployments: stopped, which goes back to what worked (spec §9.7)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import service, service_deployment
from quarterdeck.engine.core.react import concerned
from quarterdeck.events import shapes
from quarterdeck.events.names import service_deployment_id
from quarterdeck.events.service import DeploymentFailed, DeploymentStarted, DeploymentStopRequested
from tests.engine.core.story import ARN, Story, created, defined, given, joined

STOP = shapes.StopServiceDeploymentRequest
CONTINUE = shapes.ContinueServiceDeploymentRequest
UPDATE = shapes.UpdateServiceRequest
FIRST = "ecs-svc/900"
NOT_FOUND = ("ServiceDeploymentNotFoundException", "Service deployment not found.")
FINISHED = ("ConflictException", "The service deployment is finished: there is nothing to stop.")


def arn(deployment: str, name: str = "web") -> str:
    return f"{ARN}service-deployment/default/{name}/{service_deployment_id(deployment)}"


def running() -> Story:
    """A service whose first deployment completed."""
    story = given(defined("app:1"), defined("app:2"), joined("a1"), created(count=2, deployment=FIRST))
    story.run_service()
    return story


def deploy(story: Story) -> str:
    (*_, event) = story.when(service.update, UPDATE(service="web", task_definition="app:2"))
    assert isinstance(event, DeploymentStarted)
    return event.deployment


def test_stopping_a_deployment_goes_back_to_the_revision_that_completed() -> None:
    story = running()
    second = deploy(story)
    story.settle()
    (asked,) = story.when(service_deployment.stop, STOP(service_deployment_arn=arn(second)))
    assert isinstance(asked, DeploymentStopRequested)
    assert (asked.deployment, asked.stop_type) == (second, "ROLLBACK")
    assert story.refusal(service_deployment.stop, STOP(service_deployment_arn=arn(second))) == (
        "ConflictException",
        "The service deployment is being stopped already.",
    )
    assert list(concerned(story.state, asked)) == [("default", "web")]
    (event,) = story.reconcile()
    assert isinstance(event, DeploymentStarted)
    assert (event.task_definition, event.rolls_back, event.revision) == ("app:1", second, FIRST)
    assert event.reason == f"ECS deployment stopped: rolling back to deploymentId {FIRST}."
    assert story.refusal(service_deployment.stop, STOP(service_deployment_arn=arn(second))) == (
        "ConflictException",
        "The service deployment is being rolled back already.",
    )
    story.run_service()
    assert {each.definition for each in story.live()} == {"app:1"}
    assert story.refusal(service_deployment.stop, STOP(service_deployment_arn=arn(second))) == FINISHED


def test_an_aborted_deployment_stays_where_it_is_until_the_next() -> None:
    story = running()
    second = deploy(story)
    story.settle()
    before = {each.id for each in story.live()}
    (asked,) = story.when(service_deployment.stop, STOP(service_deployment_arn=arn(second), stop_type="ABORT"))
    assert isinstance(asked, DeploymentStopRequested)
    (event,) = story.reconcile()
    assert event == DeploymentFailed(
        cluster="default",
        service="web",
        deployment=second,
        cause="STOPPED",
        reason="ECS deployment stopped: it was aborted by a caller.",
    )
    story.run_service()
    assert {each.id for each in story.live()} == before
    assert story.refusal(service_deployment.stop, STOP(service_deployment_arn=arn(second))) == FINISHED
    story.when(service.update, UPDATE(service="web", task_definition="app:1"))
    story.run_service()
    assert {each.definition for each in story.live()} == {"app:1"}
    assert story.service().steady


def test_a_newer_deployment_makes_a_stop_that_was_asked_for_pointless() -> None:
    story = running()
    second = deploy(story)
    story.when(service_deployment.stop, STOP(service_deployment_arn=arn(second)))
    story.when(service.update, UPDATE(service="web", task_definition="app:2", force_new_deployment=True))
    story.run_service()
    assert {each.definition for each in story.live()} == {"app:2"}
    assert story.service().steady


def test_what_is_part_of_the_revision_goes_back_too() -> None:
    story = running()
    registry = shapes.ServiceRegistry(registry_arn="arn:r")
    (*_, event) = story.when(service.update, UPDATE(service="web", service_registries=[registry], desired_count=1))
    assert isinstance(event, DeploymentStarted)
    story.when(service_deployment.stop, STOP(service_deployment_arn=arn(event.deployment)))
    story.reconcile()
    assert story.service().settings.service_registries == []
    assert story.service().desired_count == 1, "the count is not"


def test_a_deployment_that_is_over_can_not_be_stopped() -> None:
    story = running()
    assert story.refusal(service_deployment.stop, STOP(service_deployment_arn=arn(FIRST))) == FINISHED
    deploy(story)
    assert story.refusal(service_deployment.stop, STOP(service_deployment_arn=arn(FIRST))) == FINISHED


def test_a_first_deployment_has_nothing_to_go_back_to() -> None:
    story = given(defined(), created(count=2, deployment=FIRST))
    expected = ("ConflictException", "There is no earlier deployment that completed, so nothing to roll back to.")
    assert story.refusal(service_deployment.stop, STOP(service_deployment_arn=arn(FIRST))) == expected


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (STOP(service_deployment_arn=arn("ecs-svc/1")), *NOT_FOUND),
        (STOP(service_deployment_arn=arn(FIRST, "other")), *NOT_FOUND),
        (
            STOP(service_deployment_arn=arn(FIRST), stop_type="LATER"),
            "InvalidParameterException",
            "stopType should be one of [ROLLBACK,ABORT]",
        ),
        (
            STOP(service_deployment_arn="x"),
            "InvalidParameterException",
            "Invalid identifier: x is not the ARN of a service-deployment.",
        ),
    ],
)
def test_a_stop_that_can_not_be_is_refused(
    request_: shapes.StopServiceDeploymentRequest, code: str, message: str
) -> None:
    assert running().refusal(service_deployment.stop, request_) == (code, message)


def test_there_are_no_hooks_that_wait() -> None:
    story = running()
    second = deploy(story)
    assert story.refusal(service_deployment.go_on, CONTINUE(service_deployment_arn=arn(second), hook_id="h")) == (
        "InvalidParameterException",
        "The service deployment has no hook h that waits.",
    )
    assert story.refusal(service_deployment.go_on, CONTINUE(service_deployment_arn=arn("ecs-svc/1"))) == NOT_FOUND
