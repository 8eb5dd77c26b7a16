"""Services in the live view: one that is INACTIVE stays for an hour, unless its name is used again."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import service
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import AgentConnected, AgentDisconnected
from quarterdeck.events.service import DeploymentHookEnded
from quarterdeck.projections.live.service import INACTIVE_KEPT_SECONDS
from tests.checkers import check
from tests.engine.core.story import Story, created, defined, given, joined, stopped

DELETE = shapes.DeleteServiceRequest
UPDATE = shapes.UpdateServiceRequest


def drain(story: Story, name: str) -> None:
    story.when(service.delete, DELETE(service=name, force=True))
    story.run_service(name)
    assert story.service(name).status == "INACTIVE"


@pytest.fixture
def story() -> Story:
    services = [created(name, count=1, deployment=f"ecs-svc/{at}") for at, name in enumerate(("web", "api", "cron"))]
    return given(defined("app:1"), joined("a1"), *services)


def test_an_inactive_service_stays_for_an_hour(story: Story) -> None:
    drain(story, "web")
    drain(story.after(INACTIVE_KEPT_SECONDS), "api")
    assert story.refusal(service.update, UPDATE(service="web"))[0] == "ServiceNotActiveException"
    drain(story.after(1.0), "cron")
    assert set(story.cluster().services) == {"api", "cron"}
    assert story.refusal(service.update, UPDATE(service="web"))[0] == "ServiceNotFoundException"
    assert story.retold().fingerprint() == story.view.fingerprint()
    check(story.state)


def test_a_service_whose_name_is_used_again_stays(story: Story) -> None:
    drain(story, "web")
    story.given(created("web", count=1, deployment="ecs-svc/7"))
    drain(story.after(INACTIVE_KEPT_SECONDS + 1), "api")
    assert story.service("web").status == "ACTIVE"
    drain(story, "web")
    drain(story, "cron")
    assert set(story.cluster().services) == {"web", "api", "cron"}, "its hour begins anew"


def test_a_task_that_outlives_its_service_stops_when_that_is_forgotten(story: Story) -> None:
    story.run_service("web")
    (task,) = story.live()
    story.given(AgentDisconnected(cluster="default", container_instance="a1"))
    drain(story, "web")
    drain(story.after(INACTIVE_KEPT_SECONDS + 1), "api")
    assert "web" not in story.cluster().services
    assert story.task(task.id).last_status == "RUNNING"
    story.given(AgentConnected(cluster="default", container_instance="a1"), stopped(task.id))
    check(story.state)
    assert story.cluster().instances["a1"].tasks == {}


def test_a_hook_that_ends_when_its_service_is_forgotten_changes_nothing(story: Story) -> None:
    drain(story, "web")
    drain(story.after(INACTIVE_KEPT_SECONDS + 1), "api")
    before = story.view.fingerprint()
    ended = DeploymentHookEnded(cluster="default", service="web", deployment="ecs-svc/0", hook="h", status="FAILED")
    assert story.given(ended).view.fingerprint() == before
