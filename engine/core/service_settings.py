"""Service settings: what requests may ask of a service beside its count and revision (spec §7.2, §7.3)."""

import msgspec

from quarterdeck.engine.core import (
    capacity_provider_strategy,
    load_balancer,
    network_configuration,
    placement_options,
    volume_configuration,
)
from quarterdeck.engine.core.deployment_configuration import DEFAULTS, PERCENT_FULL, complete_configuration
from quarterdeck.engine.core.errors import InvalidParameterException, UnsupportedFeatureException
from quarterdeck.engine.core.task import check_launch_type
from quarterdeck.events import shapes
from quarterdeck.events.service import ServiceSettings

GRACE_SECONDS_MAX = 2_147_483_647
CONTROLLERS = ("ECS", "CODE_DEPLOY", "EXTERNAL")
PROPAGATE_TAGS = ("TASK_DEFINITION", "SERVICE", "NONE")
REBALANCING = ("ENABLED", "DISABLED")
UNSUPPORTED = ("vpc_lattice_configurations", "gateway_connectors", "monitoring")
DEPLOYING = ("load_balancers", "service_registries", "network_configuration")
"""What is part of a service revision: to change it starts a deployment."""
NO_ROLE = (
    "The service couldn't be updated because a valid taskRoleArn is not being used. "
    "Specify a valid task role in your task definition and try again."
)
BOTH = "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
DAEMON = "The daemon scheduling strategy does not support"
DAEMON_PROVIDERS = (
    "Specifying a capacity provider strategy is not supported when you create a service using the DAEMON "
    "scheduling strategy."
)

Request = shapes.CreateServiceRequest | shapes.UpdateServiceRequest


def is_external(settings: ServiceSettings) -> bool:
    """Tell whether a service's tasks live in task sets (spec §9.8)."""
    return settings.deployment_controller is not None and settings.deployment_controller.type == "EXTERNAL"


def check_kind(request: shapes.CreateServiceRequest) -> None:
    """Check what a service is, and can't be changed later: strategy, launch type, controller."""
    launch_type = request.launch_type
    if request.scheduling_strategy not in {None, "REPLICA", "DAEMON"}:
        raise InvalidParameterException("Scheduling strategy should be one of [REPLICA,DAEMON]")
    check_launch_type(launch_type)
    if launch_type is not None and request.capacity_provider_strategy:
        raise InvalidParameterException(BOTH)
    if request.scheduling_strategy == "DAEMON":
        _check_daemon(request)
    if launch_type not in {None, "EC2"}:
        raise UnsupportedFeatureException("Only the launch type EC2 is supported.")
    if request.platform_version:
        raise InvalidParameterException("The platform version must be null when specifying an EC2 launch type")
    _check_controller(request)


def created(definition: shapes.TaskDefinition | None, request: shapes.CreateServiceRequest) -> ServiceSettings:
    """Make a new service's settings; without a definition, those of one whose task sets bring theirs."""
    _check_members(request)
    kind = request.scheduling_strategy or "REPLICA"
    configuration = complete_configuration(request.deployment_configuration, DEFAULTS[kind])
    settings = ServiceSettings(
        launch_type=request.launch_type or "EC2",
        scheduling_strategy=kind,
        deployment_configuration=configuration,
        deployment_controller=request.deployment_controller,
        health_check_grace_period_seconds=request.health_check_grace_period_seconds or 0,
        enable_ecs_managed_tags=bool(request.enable_ecs_managed_tags),
        propagate_tags=request.propagate_tags or "NONE",
        enable_execute_command=bool(request.enable_execute_command),
        role=request.role or "",
        load_balancers=request.load_balancers or [],
        service_registries=request.service_registries or [],
        network_configuration=request.network_configuration,
        placement_constraints=request.placement_constraints or [],
        placement_strategy=request.placement_strategy or [],
    )
    if definition is not None:
        _check_definition(definition, settings, request.volume_configurations)
    default = "DISABLED" if _objection(settings) else "ENABLED"
    return _rebalanced(settings, request.availability_zone_rebalancing, default)


def changed(
    settings: ServiceSettings, definition: shapes.TaskDefinition | None, request: shapes.UpdateServiceRequest
) -> ServiceSettings:
    """Change what an update names; an empty list clears."""
    _check_members(request)
    if settings.scheduling_strategy == "DAEMON":
        _check_everywhere(request)
    if request.platform_version:
        raise InvalidParameterException("The platform version must be null when specifying an EC2 launch type")
    configuration = settings.deployment_configuration
    if request.deployment_configuration is not None:
        configuration = complete_configuration(request.deployment_configuration, configuration)
    names = (
        *DEPLOYING,
        "health_check_grace_period_seconds",
        "enable_ecs_managed_tags",
        "propagate_tags",
        "enable_execute_command",
        "placement_constraints",
        "placement_strategy",
    )
    given = {name: getattr(request, name) for name in names if getattr(request, name) is not None}
    after = msgspec.structs.replace(settings, deployment_configuration=configuration, **given)
    if definition is not None:
        _check_definition(definition, after, request.volume_configurations)
        if request.enable_execute_command and not definition.task_role_arn:
            raise InvalidParameterException(NO_ROLE)
    return _rebalanced(after, request.availability_zone_rebalancing, settings.availability_zone_rebalancing)


def needs_deployment(before: ServiceSettings, after: ServiceSettings) -> bool:
    """Tell whether a change is one of what tasks are made from."""
    return any(getattr(before, name) != getattr(after, name) for name in DEPLOYING)


def _check_definition(
    definition: shapes.TaskDefinition,
    settings: ServiceSettings,
    volumes: list[shapes.ServiceVolumeConfiguration] | None,
) -> None:
    placement_options.check_together(definition, settings.placement_constraints)
    network_configuration.check(definition, settings.network_configuration)
    load_balancer.check(definition, settings.load_balancers, settings.service_registries)
    volume_configuration.check(definition, volumes)


def _check_members(request: Request) -> None:
    placement_options.check(request.placement_constraints, request.placement_strategy)
    capacity_provider_strategy.check(request.capacity_provider_strategy)
    seconds = request.health_check_grace_period_seconds
    if seconds is not None and not 0 <= seconds <= GRACE_SECONDS_MAX:
        raise InvalidParameterException(f"healthCheckGracePeriodSeconds must be from 0 to {GRACE_SECONDS_MAX}")
    for member, value, allowed in (
        ("propagateTags", request.propagate_tags, PROPAGATE_TAGS),
        ("availabilityZoneRebalancing", request.availability_zone_rebalancing, REBALANCING),
    ):
        if value is not None and value not in allowed:
            raise InvalidParameterException(f"{member} should be one of [{','.join(allowed)}]")
    _check_supported(request)


def _check_supported(request: Request) -> None:
    given = [name for name in UNSUPPORTED if getattr(request, name)]
    if given:
        raise UnsupportedFeatureException(f"Not supported by this version: {', '.join(given)}.")
    connect = request.service_connect_configuration
    if connect is not None and connect.enabled:
        raise UnsupportedFeatureException("Not supported by this version: service_connect_configuration.")


def _check_everywhere(request: Request) -> None:
    """Refuse what a service on every instance has no use for, when it is created and later."""
    if request.desired_count is not None:
        raise InvalidParameterException(
            f"{DAEMON} a desired count for services. Remove the desired count value and try again"
        )
    if request.placement_strategy:
        raise InvalidParameterException(f"{DAEMON} placement strategies. Remove the placement strategy and try again")
    configuration = request.deployment_configuration
    if configuration is not None and (configuration.maximum_percent or 0) > PERCENT_FULL:
        raise InvalidParameterException(
            f"{DAEMON} values above 100 for maximumPercent on a deployment configuration. "
            "Change the maximumPercent value to 100, and try again"
        )


def _check_daemon(request: shapes.CreateServiceRequest) -> None:
    _check_everywhere(request)
    if request.capacity_provider_strategy:
        raise InvalidParameterException(DAEMON_PROVIDERS)
    if request.launch_type == "FARGATE":
        raise InvalidParameterException(f"{DAEMON} the FARGATE launch type. Change the launch type and try again")
    controller = request.deployment_controller
    if controller is not None and controller.type not in {None, "ECS"}:
        raise InvalidParameterException(f"{DAEMON} the deployment controller {controller.type}.")


def _check_controller(request: shapes.CreateServiceRequest) -> None:
    kind = request.deployment_controller.type if request.deployment_controller is not None else None
    if kind is not None and kind not in CONTROLLERS:
        raise InvalidParameterException(f"deploymentController type should be one of [{','.join(CONTROLLERS)}]")
    if kind == "CODE_DEPLOY":
        if not request.load_balancers:
            raise InvalidParameterException(
                "For deployment controller CODE_DEPLOY the service requires an Application Load Balancer or Network "
                "Load Balancer."
            )
        raise UnsupportedFeatureException("The deployment controller CODE_DEPLOY is not supported.")
    if kind == "EXTERNAL":
        if request.task_definition:
            raise InvalidParameterException("TaskDefinition must be blank")
        given = [name for name in DEPLOYING if getattr(request, name)]
        if given:
            raise InvalidParameterException(f"With the deployment controller EXTERNAL task sets have: {given[0]}.")


def is_rebalanced(settings: ServiceSettings) -> bool:
    """Tell whether a service's zones are balanced: it is ENABLED, and nothing it was changed to since forbids it."""
    return settings.availability_zone_rebalancing == "ENABLED" and not _objection(settings)


def _rebalanced(settings: ServiceSettings, asked: str | None, default: str) -> ServiceSettings:
    """Set what is asked, or the default. Raises InvalidParameterException for ENABLED where it can't be (spec §8.7)."""
    wrong = _objection(settings)
    if asked == "ENABLED" and wrong:
        raise InvalidParameterException(wrong)
    return msgspec.structs.replace(settings, availability_zone_rebalancing=asked or default)


def _objection(settings: ServiceSettings) -> str:
    """Say why a service's zones can't be balanced; empty if they can."""
    can = (
        settings.scheduling_strategy == "REPLICA"
        and not is_external(settings)
        and (settings.deployment_configuration.maximum_percent or 0) > PERCENT_FULL
        and not any(each.load_balancer_name for each in settings.load_balancers)
    )
    if not can:
        return (
            "Availability Zone rebalancing needs a REPLICA service with a maximumPercent above 100 and without "
            "classic load balancers."
        )
    if not placement_options.follows_zones(settings.placement_constraints, settings.placement_strategy):
        return (
            "Availability Zone rebalancing needs spread over attribute:ecs.availability-zone as the first "
            "placement strategy, if there is any, and no placement constraint that uses this attribute."
        )
    return ""
