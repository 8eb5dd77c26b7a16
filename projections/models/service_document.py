"""Service document: a service and its deployments in the shape of the ECS API. Pure."""

from msgspec.structs import replace

from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace
from quarterdeck.events.service import DeploymentStarted, ServiceCreated, ServiceSettings

PERCENTS = {"REPLICA": (200, 100), "DAEMON": (100, 0)}
"""Defaults of maximumPercent and minimumHealthyPercent (spec §7.2)."""


def created_service(
    namespace: Namespace, at: float, created: ServiceCreated, started: DeploymentStarted | None
) -> shapes.Service:
    """Describe a new service, as CreateService answers: with its first deployment and no counts yet."""
    service = shapes.Service(
        service_arn=namespace.service_arn(created.cluster, created.service),
        service_name=created.service,
        cluster_arn=namespace.cluster_arn(created.cluster),
        status="ACTIVE",
        desired_count=created.desired_count,
        running_count=0,
        pending_count=0,
        deployments=[],
        events=[],
        created_at=at,
        tags=created.tags,
        created_by=created.created_by or None,
        resource_management_type="CUSTOMER",
    )
    service = set_service(service, created.settings)
    return service if started is None else deployed_service(namespace, at, service, started)


def set_service(service: shapes.Service, settings: ServiceSettings) -> shapes.Service:
    """Take over what a caller set."""
    return replace(
        service,
        launch_type=settings.launch_type,
        deployment_configuration=_completed(settings),
        health_check_grace_period_seconds=settings.health_check_grace_period_seconds,
        scheduling_strategy=settings.scheduling_strategy,
        deployment_controller=settings.deployment_controller,
        role_arn=settings.role or None,
        enable_ecs_managed_tags=settings.enable_ecs_managed_tags,
        propagate_tags=settings.propagate_tags,
        enable_execute_command=settings.enable_execute_command,
        availability_zone_rebalancing=settings.availability_zone_rebalancing,
        load_balancers=settings.load_balancers,
        service_registries=settings.service_registries,
        network_configuration=settings.network_configuration,
        placement_constraints=settings.placement_constraints,
        placement_strategy=settings.placement_strategy,
    )


def deployed_service(
    namespace: Namespace, at: float, service: shapes.Service, event: DeploymentStarted
) -> shapes.Service:
    """Put a new PRIMARY deployment first."""
    arn = namespace.task_definition_arn(event.task_definition)
    primary = shapes.Deployment(
        id=event.deployment,
        status="PRIMARY",
        task_definition=arn,
        desired_count=service.desired_count,
        pending_count=0,
        running_count=0,
        failed_tasks=0,
        created_at=at,
        updated_at=at,
        launch_type=service.launch_type,
        network_configuration=service.network_configuration,
    )
    primary = rolled_out(primary, completed=False)
    if event.reason:
        primary = replace(primary, rollout_state_reason=event.reason)
    return replace(service, task_definition=arn, deployments=[primary, *(service.deployments or ())])


def rolled_out(
    deployment: shapes.Deployment, *, completed: bool, failure: str | None = None, stuck: str | None = None
) -> shapes.Deployment:
    """Set a deployment's rollout state and its reason (spec §9.1); one that does not get on says why."""
    reason = f"ECS deployment {deployment.id} {'completed' if completed else 'in progress'}."
    if failure:
        return replace(deployment, rollout_state="FAILED", rollout_state_reason=failure)
    if completed:
        return replace(deployment, rollout_state="COMPLETED", rollout_state_reason=reason)
    said = deployment.rollout_state_reason or reason
    return replace(deployment, rollout_state="IN_PROGRESS", rollout_state_reason=f"{said} {stuck}" if stuck else said)


def _completed(settings: ServiceSettings) -> shapes.DeploymentConfiguration:
    given = settings.deployment_configuration
    breaker = given.deployment_circuit_breaker or shapes.DeploymentCircuitBreaker()
    maximum, minimum = PERCENTS[settings.scheduling_strategy]
    return replace(
        given,
        deployment_circuit_breaker=replace(breaker, enable=bool(breaker.enable), rollback=bool(breaker.rollback)),
        maximum_percent=maximum if given.maximum_percent is None else given.maximum_percent,
        minimum_healthy_percent=minimum if given.minimum_healthy_percent is None else given.minimum_healthy_percent,
        strategy=given.strategy or "ROLLING",
        bake_time_in_minutes=given.bake_time_in_minutes or 0,
    )
