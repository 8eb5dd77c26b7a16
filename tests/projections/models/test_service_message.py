"""What a service's events say, word for word (spec §7.6)."""

import pytest

from quarterdeck.events.service import ServiceTaskPlacementFailed
from quarterdeck.projections.models import service_message
from tests.projections.models.examples import EXPLANATION, FIRST

HELP = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
UNPLACEABLE = "(service web) was unable to place a task because no container instance met all of its requirements. "


def failed(reason: str, closest: str) -> ServiceTaskPlacementFailed:
    return ServiceTaskPlacementFailed(
        cluster="prod",
        service="web",
        deployment=FIRST,
        count=1,
        reason=reason,
        closest=closest,
        explanation=EXPLANATION,
    )


def test_tasks_are_counted_and_named() -> None:
    assert service_message.started("web", ["1"]) == "(service web) has started 1 tasks: (task 1)."
    assert service_message.stopped("web", ["1", "2"]) == "(service web) has stopped 2 running tasks: (task 1) (task 2)."


def test_the_steady_state_is_reached() -> None:
    assert service_message.steady("web") == "(service web) has reached a steady state."


def test_a_deployment_completes() -> None:
    assert service_message.completed("web", "ecs-svc/1") == "(service web) (deployment ecs-svc/1) deployment completed."


def test_a_deployment_can_block_itself() -> None:
    assert service_message.blocked("web") == (
        "(service web) was unable to stop or start tasks during a deployment because of the service deployment "
        "configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
    )


def test_tasks_may_not_start_consistently() -> None:
    assert service_message.impaired("web") == (
        f"(service web) is unable to consistently start tasks successfully. {HELP}"
    )


def test_without_instances_there_is_no_closest() -> None:
    said = service_message.unplaceable(failed("", ""))
    assert said == f"{UNPLACEABLE}Reason: No Container Instances were found in your cluster. {HELP}"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("RESOURCE:CPU", "has insufficient CPU units available."),
        ("RESOURCE:MEMORY", "has insufficient memory available."),
        ("RESOURCE:PORTS", "is already using a port required by your task."),
        ("ATTRIBUTE", "is missing an attribute required by your task."),
        ("AGENT", "doesn't have the agent connected."),
        (
            "MemberOf placement constraint unsatisfied.",
            'encountered error "MemberOf placement constraint unsatisfied.".',
        ),
    ],
)
def test_the_closest_instance_has_a_cause(reason: str, cause: str) -> None:
    said = service_message.unplaceable(failed(reason, "i1"))
    assert said == f"{UNPLACEABLE}The closest matching (container-instance i1) {cause} {HELP}"
