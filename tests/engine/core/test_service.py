"""Services: created, updated, deleted (spec §7.2 to §7.4)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import service
from quarterdeck.events import shapes
from quarterdeck.events.service import DeploymentStarted, ServiceCreated, ServiceDeleted, ServiceUpdated
from quarterdeck.events.task_definition import TaskDefinitionDeregistered, TaskDefinitionRegistered
from tests.engine.core.story import ARN, Story, container, created, defined, given, joined

CREATE = shapes.CreateServiceRequest
UPDATE = shapes.UpdateServiceRequest
DELETE = shapes.DeleteServiceRequest
CONFIGURATION = shapes.DeploymentConfiguration
WEB = CREATE(service_name="web", task_definition="app", desired_count=2)
AWSVPC = TaskDefinitionRegistered(
    family="net",
    revision=1,
    definition=shapes.TaskDefinition(network_mode="awsvpc", container_definitions=[container()]),
)
LAUNCH_AND_STRATEGY = (
    "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
)


def web(**members: object) -> shapes.CreateServiceRequest:
    whole = {"service_name": "web", "task_definition": "app", "desired_count": 2, **members}
    return CREATE(**whole)  # type: ignore[arg-type]  # members of many types


def percents(minimum: int | None, maximum: int | None) -> shapes.DeploymentConfiguration:
    return CONFIGURATION(minimum_healthy_percent=minimum, maximum_percent=maximum)


def serving() -> Story:
    return given(defined("app:1"), defined("app:2"), created(count=2))


def test_a_service_begins_with_its_first_deployment_and_no_task() -> None:
    story = given(defined(), joined("a1"))
    made, started = story.when(service.create, web(tags=[shapes.Tag(key="a", value="b")]))
    assert isinstance(made, ServiceCreated)
    assert (made.desired_count, made.created_by) == (2, "arn:aws:iam::000000000000:root")
    assert made.tags == [shapes.Tag(key="a", value="b")]
    assert started == DeploymentStarted(
        cluster="default", service="web", deployment="ecs-svc/1", task_definition="app:1"
    )
    assert story.live() == []


def test_what_is_not_said_of_deployments_has_ecs_defaults() -> None:
    story = given(defined())
    story.when(service.create, web(deployment_configuration=CONFIGURATION(minimum_healthy_percent=50)))
    assert story.service().settings.deployment_configuration == CONFIGURATION(
        deployment_circuit_breaker=shapes.DeploymentCircuitBreaker(enable=False, rollback=False),
        maximum_percent=200,
        minimum_healthy_percent=50,
        strategy="ROLLING",
        bake_time_in_minutes=0,
    )


def test_a_service_may_want_no_tasks() -> None:
    story = given(defined())
    story.when(service.create, web(desired_count=0))
    assert (story.service().status, story.service().desired_count) == ("ACTIVE", 0)


def test_the_same_token_for_the_same_service_creates_it_once() -> None:
    story = given(defined())
    story.when(service.create, web(client_token="t1"), digest="d1")
    assert story.when(service.create, web(client_token="t1"), digest="d1") == []


@pytest.mark.parametrize(("token", "digest"), [("t1", "d2"), ("t2", "d1"), (None, "d1")])
def test_another_token_or_another_service_of_the_same_name_is_refused(token: str | None, digest: str) -> None:
    story = given(defined())
    story.when(service.create, web(client_token="t1"), digest="d1")
    expected = ("InvalidParameterException", "Creation of service was not idempotent.")
    assert story.refusal(service.create, web(client_token=token), digest=digest) == expected


def test_without_a_token_a_service_is_not_created_twice() -> None:
    story = given(defined())
    story.when(service.create, WEB, digest="d1")
    expected = ("InvalidParameterException", "Creation of service was not idempotent.")
    assert story.refusal(service.create, WEB, digest="d1") == expected


def test_the_name_of_a_draining_service_is_not_free() -> None:
    story = serving().given(ServiceDeleted(cluster="default", service="web", force=True))
    expected = ("InvalidParameterException", "Unable to Start a service that is still Draining.")
    assert story.refusal(service.create, WEB) == expected


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (web(cluster="x"), "ClusterNotFoundException", "Cluster not found."),
        (web(service_name=None), "InvalidParameterException", "Invalid service name."),
        (web(service_name="a b"), "InvalidParameterException", "Invalid service name."),
        (web(service_name="a" * 256), "InvalidParameterException", "Invalid service name."),
        (web(task_definition=None), "ClientException", "TaskDefinition can not be blank."),
        (web(task_definition="job"), "ClientException", "TaskDefinition not found."),
        (web(task_definition="old:1"), "ClientException", "TaskDefinition is inactive"),
        (web(desired_count=None), "InvalidParameterException", "DesiredCount is missing"),
        (web(desired_count=-1), "InvalidParameterException", "DesiredCount can not be lesser than 0"),
        (web(desired_count=5001), "InvalidParameterException", "DesiredCount can be at most 5000, not 5001."),
        (web(client_token="t" * 37), "InvalidParameterException", "idempotency token longer than 36."),
        (
            web(scheduling_strategy="SOME"),
            "InvalidParameterException",
            "Scheduling strategy should be one of [REPLICA,DAEMON]",
        ),
        (
            web(launch_type="BOAT"),
            "InvalidParameterException",
            "launch type should be one of [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]",
        ),
        (
            web(
                launch_type="EC2",
                capacity_provider_strategy=[shapes.CapacityProviderStrategyItem(capacity_provider="x")],
            ),
            "InvalidParameterException",
            LAUNCH_AND_STRATEGY,
        ),
        (web(launch_type="FARGATE"), "UnsupportedFeatureException", "Only the launch type EC2 is supported."),
        (
            web(deployment_controller=shapes.DeploymentController(type="EXTERNAL")),
            "InvalidParameterException",
            "TaskDefinition must be blank",
        ),
        (
            web(placement_strategy=[shapes.PlacementStrategy(type="spread", field="zone")]),
            "InvalidParameterException",
            "spread field 'zone' is invalid",
        ),
        (
            web(task_definition="net"),
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            web(deployment_configuration=percents(100, 100)),
            "InvalidParameterException",
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments",
        ),
        (
            web(deployment_configuration=percents(101, None)),
            "InvalidParameterException",
            "minimumHealthyPercent must be at most 100",
        ),
        (
            web(deployment_configuration=percents(-1, None)),
            "InvalidParameterException",
            "minimumHealthyPercent must be at least 0",
        ),
        (
            web(deployment_configuration=percents(0, 99)),
            "InvalidParameterException",
            "maximumPercent must be at least 100",
        ),
        (
            web(tags=[shapes.Tag(key="aws:x", value="")]),
            "InvalidParameterException",
            "Invalid tag 'aws:x': the prefix aws: is reserved.",
        ),
    ],
)
def test_a_service_that_can_not_be_is_refused(request_: shapes.CreateServiceRequest, code: str, message: str) -> None:
    story = given(defined(), AWSVPC, defined("old:1"), TaskDefinitionDeregistered(family="old", revision=1))
    assert story.refusal(service.create, request_) == (code, message)


def test_an_updated_count_starts_no_deployment() -> None:
    story = serving()
    for reference in ("web", ARN + "service/default/web", ARN + "service/web"):
        assert story.when(service.update, UPDATE(service=reference, desired_count=5)) == [
            ServiceUpdated(cluster="default", service="web", desired_count=5)
        ]
    assert story.service().deployments[0].id == "ecs-svc/900"


def test_another_revision_starts_a_deployment_and_the_same_does_not() -> None:
    story = serving()
    assert len(story.when(service.update, UPDATE(service="web", task_definition="app:1"))) == 1
    events = story.when(service.update, UPDATE(service="web", task_definition="app"))
    assert events == [
        ServiceUpdated(cluster="default", service="web"),
        DeploymentStarted(cluster="default", service="web", deployment="ecs-svc/1", task_definition="app:2"),
    ], "a family means its latest revision"
    assert [each.id for each in story.service().deployments] == ["ecs-svc/1"], "one without tasks leaves the list"


def test_force_starts_a_deployment_of_the_same_revision() -> None:
    (_, event) = serving().when(service.update, UPDATE(service="web", force_new_deployment=True))
    assert isinstance(event, DeploymentStarted)
    assert event.task_definition == "app:1"


def test_what_an_update_does_not_say_stays() -> None:
    story = given(defined())
    story.when(service.create, web(deployment_configuration=percents(50, 150), propagate_tags="SERVICE"))
    story.when(
        service.update,
        UPDATE(service="web", deployment_configuration=percents(75, None), enable_ecs_managed_tags=True),
    )
    settings = story.service().settings
    assert settings.deployment_configuration.minimum_healthy_percent == 75
    assert settings.deployment_configuration.maximum_percent == 150
    assert settings.propagate_tags == "SERVICE"
    assert settings.enable_ecs_managed_tags
    assert story.service().desired_count == 2


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (UPDATE(service="zz"), "ServiceNotFoundException", "Service not found."),
        (UPDATE(), "ServiceNotFoundException", "Service not found."),
        (UPDATE(service="web", cluster="x"), "ClusterNotFoundException", "Cluster not found."),
        (
            UPDATE(service="web", desired_count=-1),
            "InvalidParameterException",
            "Task count can not be lesser than 0",
        ),
        (UPDATE(service="web", task_definition="old:1"), "ClientException", "TaskDefinition is inactive"),
        (UPDATE(service="web", task_definition="zz"), "ClientException", "TaskDefinition not found."),
        (
            UPDATE(service="web", deployment_configuration=percents(None, 100)),
            "InvalidParameterException",
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments",
        ),
        (
            UPDATE(service="web", load_balancers=[shapes.LoadBalancer(load_balancer_name="a", container_name="x")]),
            "InvalidParameterException",
            "The container x does not exist in the task definition.",
        ),
    ],
)
def test_an_update_that_can_not_be_is_refused(request_: shapes.UpdateServiceRequest, code: str, message: str) -> None:
    story = serving().given(
        created("plain", minimum=100, maximum=200),
        defined("old:1"),
        TaskDefinitionDeregistered(family="old", revision=1),
    )
    assert story.refusal(service.update, request_) == (code, message)


def test_a_service_on_its_way_out_is_not_updated() -> None:
    story = serving().given(ServiceDeleted(cluster="default", service="web", force=True))
    expected = ("ServiceNotActiveException", "Service was not ACTIVE.")
    assert story.refusal(service.update, UPDATE(service="web", desired_count=1)) == expected


def test_a_service_that_wants_tasks_is_deleted_by_force_only() -> None:
    story = serving()
    expected = ("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
    assert story.refusal(service.delete, DELETE(service="web")) == expected
    assert story.when(service.delete, DELETE(service="web", force=True)) == [
        ServiceDeleted(cluster="default", service="web", force=True)
    ]
    assert (story.service().status, story.service().desired_count) == ("DRAINING", 0)


def test_deleting_a_service_again_changes_nothing() -> None:
    story = given(defined(), created(count=0))
    assert len(story.when(service.delete, DELETE(service="web"))) == 1
    assert story.when(service.delete, DELETE(service="web")) == []
    story.settle()
    assert story.service().status == "INACTIVE"
    assert story.when(service.delete, DELETE(service="web")) == []


def test_a_service_that_never_was_can_not_be_deleted() -> None:
    expected = ("ServiceNotFoundException", "Service not found.")
    assert given().refusal(service.delete, DELETE(service="web")) == expected
