"""Services: what they may be asked for beside count and revision, and what changing that does (spec §7)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core import service
from quarterdeck.engine.core.service_settings import is_rebalanced
from quarterdeck.engine.core.turn import Settings
from quarterdeck.events import shapes
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.service import DeploymentStarted, ServiceCreated, ServiceUpdated
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from tests.engine.core.story import Story, container, defined, given

CREATE = shapes.CreateServiceRequest
UPDATE = shapes.UpdateServiceRequest
CONFIGURATION = shapes.DeploymentConfiguration
PORT = TaskDefinitionRegistered(
    family="web",
    revision=1,
    definition=shapes.TaskDefinition(
        container_definitions=[container(port_mappings=[shapes.PortMapping(container_port=80, protocol="tcp")])]
    ),
)
NET = TaskDefinitionRegistered(
    family="net",
    revision=1,
    definition=shapes.TaskDefinition(network_mode="awsvpc", container_definitions=[container()]),
)
DISK = TaskDefinitionRegistered(
    family="disk",
    revision=1,
    definition=shapes.TaskDefinition(
        container_definitions=[container()], volumes=[shapes.Volume(name="v", configured_at_launch=True)]
    ),
)
BALANCED = shapes.LoadBalancer(target_group_arn="arn:tg", container_name="main", container_port=80)
CLASSIC = shapes.LoadBalancer(load_balancer_name="old", container_name="main", container_port=80)
REGISTRY = shapes.ServiceRegistry(registry_arn="arn:r", container_name="main", container_port=80)
DAEMON = "The daemon scheduling strategy does not support"
PAUSE = shapes.DeploymentLifecycleHook(target_type="PAUSE", lifecycle_stages=["POST_SCALE_UP"])
REBALANCING = (
    "Availability Zone rebalancing needs a REPLICA service with a maximumPercent above 100 and without "
    "classic load balancers."
)


def story() -> Story:
    return given(defined(), PORT, NET, DISK)


def web(definition: str | None = "web", **members: Any) -> shapes.CreateServiceRequest:
    return CREATE(**{"service_name": "web", "task_definition": definition, "desired_count": 1, **members})


HOOK_STAGES = f"lifecycleStages should be some of [{','.join(shapes.ENUMS['DeploymentLifecycleHookStage'])}]"


def staged(**rules: Any) -> shapes.CreateServiceRequest:
    return web(deployment_configuration=CONFIGURATION(**{"strategy": "BLUE_GREEN", **rules}))


def hooked(**members: Any) -> shapes.CreateServiceRequest:
    whole = {"hook_target_arn": "https://x", "lifecycle_stages": ["PRE_SCALE_UP"], **members}
    return staged(lifecycle_hooks=[shapes.DeploymentLifecycleHook(**whole)])


def daemon(**members: Any) -> shapes.CreateServiceRequest:
    return web(**{"scheduling_strategy": "DAEMON", "desired_count": None, **members})


def controlled(kind: str) -> shapes.DeploymentController:
    return shapes.DeploymentController(type=kind)


def network(*subnets: str, groups: int = 0) -> shapes.NetworkConfiguration:
    return shapes.NetworkConfiguration(
        awsvpc_configuration=shapes.AwsVpcConfiguration(subnets=list(subnets), security_groups=["sg"] * groups)
    )


def strategy(*items: tuple[int, int]) -> list[shapes.CapacityProviderStrategyItem]:
    return [
        shapes.CapacityProviderStrategyItem(capacity_provider="x", weight=weight, base=base) for weight, base in items
    ]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            daemon(desired_count=0),
            f"{DAEMON} a desired count for services. Remove the desired count value and try again",
        ),
        (
            daemon(placement_strategy=[shapes.PlacementStrategy(type="random")]),
            f"{DAEMON} placement strategies. Remove the placement strategy and try again",
        ),
        (
            daemon(deployment_configuration=CONFIGURATION(maximum_percent=150)),
            (
                f"{DAEMON} values above 100 for maximumPercent on a deployment configuration. "
                "Change the maximumPercent value to 100, and try again"
            ),
        ),
        (
            daemon(capacity_provider_strategy=strategy((1, 0))),
            (
                "Specifying a capacity provider strategy is not supported when you create a service using the DAEMON "
                "scheduling strategy."
            ),
        ),
        (
            daemon(launch_type="FARGATE"),
            f"{DAEMON} the FARGATE launch type. Change the launch type and try again",
        ),
        (daemon(deployment_controller=controlled("EXTERNAL")), f"{DAEMON} the deployment controller EXTERNAL."),
        (
            web(deployment_controller=controlled("CODE_DEPLOY")),
            (
                "For deployment controller CODE_DEPLOY the service requires an Application Load Balancer or Network "
                "Load Balancer."
            ),
        ),
        (
            web(deployment_controller=controlled("ME")),
            "deploymentController type should be one of [ECS,CODE_DEPLOY,EXTERNAL]",
        ),
        (
            web(None, deployment_controller=controlled("EXTERNAL"), load_balancers=[BALANCED]),
            "With the deployment controller EXTERNAL task sets have: load_balancers.",
        ),
        (web(platform_version="1.4.0"), "The platform version must be null when specifying an EC2 launch type"),
        (
            web(capacity_provider_strategy=strategy((1, 1), (1, 1))),
            (
                "There are multiple capacity providers in the specified capacity provider strategy with a base value "
                "defined. Only one capacity provider in a capacity provider strategy can have a base value defined."
            ),
        ),
        (
            web(placement_strategy=[shapes.PlacementStrategy(type="random")] * 6),
            "Maximum number of strategies is 5",
        ),
        (
            web(placement_strategy=[shapes.PlacementStrategy(type="binpack", field="disk")]),
            "binpack field 'disk' is invalid",
        ),
        (
            web(placement_constraints=[shapes.PlacementConstraint(type="distinctInstance", expression="a")]),
            "distinctInstance expression should not be specified.",
        ),
        (web("net"), "Network Configuration must be provided when networkMode 'awsvpc' is specified."),
        (web("net", network_configuration=network()), "subnets can not be empty."),
        (web("net", network_configuration=network(*["s"] * 17)), "subnets can have at most 16 items."),
        (web("net", network_configuration=network("s", groups=6)), "securityGroups can have at most 5 items."),
        (
            web(network_configuration=network("s")),
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ),
        (
            web(load_balancers=[shapes.LoadBalancer(target_group_arn="t", container_name="x", container_port=80)]),
            "The container x does not exist in the task definition.",
        ),
        (
            web(load_balancers=[shapes.LoadBalancer(target_group_arn="t", container_name="main", container_port=81)]),
            "The container main did not have a container port 81 defined.",
        ),
        (
            web(load_balancers=[shapes.LoadBalancer(target_group_arn="t", load_balancer_name="n")]),
            "loadBalancerName and targetGroupArn cannot both be specified",
        ),
        (web(load_balancers=[BALANCED] * 6), "A service can have at most 5 target groups."),
        (
            web(
                "net",
                network_configuration=network("s"),
                service_registries=[shapes.ServiceRegistry(registry_arn="r", container_port=80)],
            ),
            "The values specified for serviceRegistries do not require a value for 'containerPort'",
        ),
        (
            web(volume_configurations=[shapes.ServiceVolumeConfiguration(name="v")]),
            "The volume name 'v' in your request does not have a matching volume in your Task Definition",
        ),
        (
            web("disk"),
            (
                "The volume 'v' of the task definition is configured at launch: volumeConfigurations must "
                "have a configuration for it."
            ),
        ),
        (web(health_check_grace_period_seconds=-1), "healthCheckGracePeriodSeconds must be from 0 to 2147483647"),
        (web(propagate_tags="ALL"), "propagateTags should be one of [TASK_DEFINITION,SERVICE,NONE]"),
        (web(availability_zone_rebalancing="ENABLED", load_balancers=[CLASSIC]), REBALANCING),
        (
            web(
                availability_zone_rebalancing="ENABLED",
                deployment_configuration=CONFIGURATION(maximum_percent=100, minimum_healthy_percent=0),
            ),
            REBALANCING,
        ),
        (
            web(deployment_configuration=CONFIGURATION(bake_time_in_minutes=1441)),
            "bakeTimeInMinutes must be from 0 to 1440",
        ),
        (
            web(deployment_configuration=CONFIGURATION(lifecycle_hooks=[shapes.DeploymentLifecycleHook()])),
            "lifecycleHooks can not be used with the strategy ROLLING.",
        ),
        (
            web(deployment_configuration=CONFIGURATION(alarms=shapes.DeploymentAlarms(enable=True, alarm_names=[]))),
            "alarmNames can not be empty.",
        ),
        (
            web(
                deployment_configuration=CONFIGURATION(
                    early_success_criteria=shapes.DeploymentEarlySuccessCriteria(enable=True, healthy_percent=50)
                )
            ),
            "earlySuccessCriteria healthyPercent must be from minimumHealthyPercent (100) to 100",
        ),
        (staged(strategy="GREEN"), "strategy should be one of [ROLLING,BLUE_GREEN,LINEAR,CANARY]"),
        (
            staged(linear_configuration=shapes.LinearConfiguration()),
            "linearConfiguration can not be used with the strategy BLUE_GREEN.",
        ),
        (
            staged(strategy="LINEAR", canary_configuration=shapes.CanaryConfiguration()),
            "canaryConfiguration can not be used with the strategy LINEAR.",
        ),
        (
            staged(early_success_criteria=shapes.DeploymentEarlySuccessCriteria(enable=True, healthy_percent=100)),
            "earlySuccessCriteria can not be used with the strategy BLUE_GREEN.",
        ),
        (
            staged(deployment_circuit_breaker=shapes.DeploymentCircuitBreaker(enable=True, rollback=True)),
            "deploymentCircuitBreaker can not be enabled with the strategy BLUE_GREEN.",
        ),
        (
            staged(strategy="LINEAR", linear_configuration=shapes.LinearConfiguration(step_percent=2.9)),
            "stepPercent must be from 3 to 100",
        ),
        (
            staged(strategy="LINEAR", linear_configuration=shapes.LinearConfiguration(step_bake_time_in_minutes=1441)),
            "stepBakeTimeInMinutes must be from 0 to 1440",
        ),
        (
            staged(strategy="CANARY", canary_configuration=shapes.CanaryConfiguration(canary_percent=100.5)),
            "canaryPercent must be from 0.1 to 100",
        ),
        (
            staged(strategy="CANARY", canary_configuration=shapes.CanaryConfiguration(canary_bake_time_in_minutes=-1)),
            "canaryBakeTimeInMinutes must be from 0 to 1440",
        ),
        (hooked(lifecycle_stages=[]), HOOK_STAGES),
        (hooked(lifecycle_stages=["SCALE_UP"]), HOOK_STAGES),
        (hooked(target_type="EMAIL"), "targetType should be one of [AWS_LAMBDA,PAUSE]"),
        (hooked(hook_target_arn=None), "hookTargetArn can not be blank."),
        (
            hooked(target_type="PAUSE", lifecycle_stages=["TEST_TRAFFIC_SHIFT"]),
            "A PAUSE hook can not be in the stage TEST_TRAFFIC_SHIFT.",
        ),
    ],
)
def test_what_a_service_can_not_be_asked_for_is_refused(request_: shapes.CreateServiceRequest, message: str) -> None:
    assert story().refusal(service.create, request_) == ("InvalidParameterException", message)


@pytest.mark.parametrize("target", ["arn:aws:lambda:us-east-1:000000000000:function:smoke", "nats:", "nats:checks.*"])
def test_a_hook_that_can_not_be_asked_here_is_refused_with_the_way_out(target: str) -> None:
    words = f"A hook is a web address (https://…) or a NATS subject (nats:…) here; {target} is neither."
    refused = story().refusal(service.create, hooked(hook_target_arn=target))
    assert refused == ("UnsupportedFeatureException", words)


@pytest.mark.parametrize("target", ["https://checks.example/smoke", "http://127.0.0.1:1/", "nats:checks.smoke"])
def test_hooks_are_web_addresses_and_subjects(target: str) -> None:
    told = Story(settings=Settings(hook_hosts=("*",))).given(ClusterCreated(cluster="default"), defined(), PORT)
    assert told.when(service.create, hooked(hook_target_arn=target))


def test_steps_have_defaults() -> None:
    told = story()
    told.when(service.create, staged(strategy="LINEAR"))
    assert told.service().settings.deployment_configuration.linear_configuration == shapes.LinearConfiguration(
        step_percent=10.0, step_bake_time_in_minutes=6
    )
    other = story()
    other.when(service.create, staged(strategy="CANARY", canary_configuration=shapes.CanaryConfiguration()))
    assert other.service().settings.deployment_configuration.canary_configuration == shapes.CanaryConfiguration(
        canary_percent=5.0, canary_bake_time_in_minutes=10
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"strategy": "LINEAR"}, {"strategy": "ROLLING"}),
        ({"strategy": "CANARY"}, {"strategy": "LINEAR"}),
        (
            {"strategy": "BLUE_GREEN", "lifecycle_hooks": [PAUSE]},
            {"strategy": "ROLLING", "maximum_percent": 150},
        ),
        (
            {"early_success_criteria": shapes.DeploymentEarlySuccessCriteria(enable=True, healthy_percent=100)},
            {"strategy": "BLUE_GREEN"},
        ),
    ],
)
def test_another_strategy_drops_what_only_the_one_before_has(before: dict[str, Any], after: dict[str, Any]) -> None:
    told, fresh = story(), story()
    told.when(service.create, web(deployment_configuration=CONFIGURATION(**before)))
    told.when(service.update, UPDATE(service="web", deployment_configuration=CONFIGURATION(**after)))
    fresh.when(service.create, web(deployment_configuration=CONFIGURATION(**after)))
    settled = told.service().settings.deployment_configuration
    assert settled == fresh.service().settings.deployment_configuration


def test_another_strategy_keeps_what_both_have() -> None:
    told = story()
    told.when(service.create, staged(lifecycle_hooks=[PAUSE], bake_time_in_minutes=5))
    told.when(service.update, UPDATE(service="web", deployment_configuration=CONFIGURATION(strategy="LINEAR")))
    configuration = told.service().settings.deployment_configuration
    assert configuration.lifecycle_hooks == [PAUSE]
    assert configuration.bake_time_in_minutes == 5


@pytest.mark.parametrize(
    "request_",
    [
        web(capacity_provider_strategy=strategy((1, 0))),
        web(deployment_controller=controlled("CODE_DEPLOY"), load_balancers=[BALANCED]),
        web("disk", volume_configurations=[shapes.ServiceVolumeConfiguration(name="v")]),
        web(service_connect_configuration=shapes.ServiceConnectConfiguration(enabled=True)),
        web(vpc_lattice_configurations=[shapes.VpcLatticeConfiguration()]),
    ],
)
def test_what_would_be_ignored_is_refused_clearly(request_: shapes.CreateServiceRequest) -> None:
    code, _ = story().refusal(service.create, request_)
    assert code == "UnsupportedFeatureException"


def test_what_a_service_is_asked_for_is_kept() -> None:
    told = story()
    breaker = shapes.DeploymentCircuitBreaker(enable=True, rollback=True)
    alarms = shapes.DeploymentAlarms(alarm_names=["a"], enable=True, rollback=False)
    told.when(
        service.create,
        web(
            load_balancers=[BALANCED],
            service_registries=[REGISTRY],
            health_check_grace_period_seconds=30,
            deployment_configuration=CONFIGURATION(deployment_circuit_breaker=breaker, alarms=alarms),
        ),
    )
    settings = told.service().settings
    assert (settings.load_balancers, settings.service_registries) == ([BALANCED], [REGISTRY])
    assert settings.deployment_configuration.deployment_circuit_breaker == breaker
    assert settings.deployment_configuration.alarms == alarms
    assert settings.availability_zone_rebalancing == "ENABLED", "as ECS does where it can be"


def test_a_service_that_can_not_be_rebalanced_is_not_by_default() -> None:
    told = story()
    told.when(service.create, web(load_balancers=[CLASSIC]))
    assert told.service().settings.availability_zone_rebalancing == "DISABLED"


@pytest.mark.parametrize(
    ("forbids", "allows"),
    [
        (
            {"deployment_configuration": CONFIGURATION(maximum_percent=100, minimum_healthy_percent=0)},
            {"deployment_configuration": CONFIGURATION(maximum_percent=200)},
        ),
        (
            {"placement_strategy": [shapes.PlacementStrategy(type="random")]},
            {"placement_strategy": []},
        ),
    ],
)
def test_rebalancing_outlives_an_update_that_forbids_it_for_a_while(forbids: Any, allows: Any) -> None:
    """For updates it is unchanged unless asked (spec §7.2); it was DISABLED without a word, and stayed so."""
    told = story()
    told.when(service.create, web())
    told.when(service.update, UPDATE(service="web", **forbids))
    settings = told.service().settings
    assert (settings.availability_zone_rebalancing, is_rebalanced(settings)) == ("ENABLED", False)
    told.when(service.update, UPDATE(service="web", **allows))
    assert is_rebalanced(told.service().settings)


def test_an_external_service_needs_only_its_name() -> None:
    told = story()
    (event,) = told.when(service.create, CREATE(service_name="web", deployment_controller=controlled("EXTERNAL")))
    assert isinstance(event, ServiceCreated)
    assert event.desired_count == 0
    assert told.service().deployments == []
    told.when(service.update, UPDATE(service="web", desired_count=3))
    assert told.refusal(service.update, UPDATE(service="web", force_new_deployment=True)) == (
        "InvalidParameterException",
        "With the deployment controller EXTERNAL, task sets have: force_new_deployment.",
    )


@pytest.mark.parametrize(
    ("request_", "deploys"),
    [
        (UPDATE(service="web", load_balancers=[BALANCED]), True),
        (UPDATE(service="web", service_registries=[]), True),
        (UPDATE(service="web", service_registries=[REGISTRY]), False),
        (UPDATE(service="web", health_check_grace_period_seconds=5), False),
        (UPDATE(service="web", deployment_configuration=CONFIGURATION(maximum_percent=150)), False),
        (UPDATE(service="web", propagate_tags="SERVICE", enable_ecs_managed_tags=True), False),
        (UPDATE(service="web", availability_zone_rebalancing="DISABLED"), False),
        (UPDATE(service="web", placement_strategy=[], placement_constraints=[]), False),
        (UPDATE(service="web", capacity_provider_strategy=[]), False),
    ],
)
def test_only_what_tasks_are_made_from_starts_a_deployment(
    request_: shapes.UpdateServiceRequest, deploys: bool
) -> None:
    told = story()
    told.when(service.create, web(service_registries=[REGISTRY]))
    events = told.when(service.update, request_)
    assert [type(each) for each in events] == [ServiceUpdated, DeploymentStarted][: 1 + deploys]


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            UPDATE(service="web", capacity_provider_strategy=strategy((1, 0))),
            "InvalidParameterException",
            (
                "When switching from launch type to capacity provider strategy on an existing service, or making a "
                "change to a capacity provider strategy on a service that is already using one, you must force a new "
                "deployment."
            ),
        ),
        (
            UPDATE(service="web", enable_execute_command=True),
            "InvalidParameterException",
            (
                "The service couldn't be updated because a valid taskRoleArn is not being used. "
                "Specify a valid task role in your task definition and try again."
            ),
        ),
        (
            UPDATE(service="web", deployment_controller=controlled("EXTERNAL")),
            "UnsupportedFeatureException",
            "This version can't change the deployment controller of a service.",
        ),
        (
            UPDATE(service="web", platform_version="LATEST"),
            "InvalidParameterException",
            "The platform version must be null when specifying an EC2 launch type",
        ),
        (
            UPDATE(service="web", task_definition="app:1", load_balancers=[BALANCED]),
            "InvalidParameterException",
            "The container main did not have a container port 80 defined.",
        ),
    ],
)
def test_what_an_update_can_not_ask_for_is_refused(
    request_: shapes.UpdateServiceRequest, code: str, message: str
) -> None:
    told = story()
    told.when(service.create, web())
    assert told.refusal(service.update, request_) == (code, message)
