"""Service deployment document: service deployments and revisions in the shape of the ECS API. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace
from quarterdeck.events.service import (
    DeploymentFailed,
    DeploymentFailuresCounted,
    DeploymentHookEnded,
    DeploymentHookStarted,
    DeploymentStarted,
)

ALL = 100.0


def created_deployment(
    namespace: Namespace,
    at: float,
    event: DeploymentStarted,
    service: shapes.Service,
    sources: list[shapes.ServiceRevisionSummary],
) -> shapes.ServiceDeployment:
    """Describe a service deployment that begins; its counts are put in when it is asked for."""
    target = namespace.service_revision_arn(event.cluster, event.service, event.deployment)
    rules = service.deployment_configuration or shapes.DeploymentConfiguration()
    configured, alarms = rules.deployment_circuit_breaker, rules.alarms
    return shapes.ServiceDeployment(
        service_deployment_arn=namespace.service_deployment_arn(event.cluster, event.service, event.deployment),
        service_arn=service.service_arn,
        cluster_arn=service.cluster_arn,
        created_at=at,
        started_at=at,
        updated_at=at,
        source_service_revisions=sources,
        target_service_revision=shapes.ServiceRevisionSummary(arn=target),
        status="IN_PROGRESS",
        deployment_configuration=service.deployment_configuration,
        deployment_circuit_breaker=shapes.ServiceDeploymentCircuitBreaker(
            status="MONITORING" if configured and configured.enable else "DISABLED", failure_count=0, threshold=0
        ),
        alarms=None
        if alarms is None
        else shapes.ServiceDeploymentAlarms(
            status="MONITORING" if alarms.enable else "DISABLED",
            alarm_names=alarms.alarm_names or [],
            triggered_alarm_names=[],
        ),
    )


def breaker(event: DeploymentFailed | DeploymentFailuresCounted, status: str) -> shapes.ServiceDeploymentCircuitBreaker:
    """Describe what the circuit breaker counted."""
    return shapes.ServiceDeploymentCircuitBreaker(
        status=status, failure_count=event.failures, threshold=event.threshold
    )


def monitored(doc: shapes.ServiceDeployment, before: str, after: str) -> shapes.ServiceDeployment:
    """Say of what watches a deployment that it does so no more, unless it was triggered."""
    held, alarms = doc.deployment_circuit_breaker, doc.alarms
    if held is not None and held.status == before:
        doc = msgspec.structs.replace(doc, deployment_circuit_breaker=msgspec.structs.replace(held, status=after))
    if alarms is not None and alarms.status == before:
        doc = msgspec.structs.replace(doc, alarms=msgspec.structs.replace(alarms, status=after))
    return doc


def created_revision(
    namespace: Namespace,
    at: float,
    event: DeploymentStarted,
    service: shapes.Service,
    definition: shapes.TaskDefinition,
) -> shapes.ServiceRevision:
    """Describe what a deployment's tasks are made from."""
    return shapes.ServiceRevision(
        service_revision_arn=namespace.service_revision_arn(event.cluster, event.service, event.deployment),
        service_arn=service.service_arn,
        cluster_arn=service.cluster_arn,
        task_definition=namespace.task_definition_arn(event.task_definition),
        launch_type=service.launch_type,
        load_balancers=service.load_balancers,
        service_registries=service.service_registries,
        network_configuration=service.network_configuration,
        container_images=[
            shapes.ContainerImage(container_name=each.name, image=each.image)
            for each in definition.container_definitions or []
        ],
        guard_duty_enabled=False,
        created_at=at,
    )


def begun_hook(event: DeploymentHookStarted) -> shapes.DeploymentLifecycleHookDetail:
    """Describe a hook that is waited for."""
    return shapes.DeploymentLifecycleHookDetail(
        hook_id=event.hook,
        target_type=event.target_type,
        target_arn=event.target or None,
        status="AWAITING_ACTION" if event.target_type == "PAUSE" else "IN_PROGRESS",
        expires_at=event.expires_at,
        timeout_action=event.timeout_action,
    )


def ended_hook(
    hooks: Sequence[shapes.DeploymentLifecycleHookDetail], event: DeploymentHookEnded
) -> list[shapes.DeploymentLifecycleHookDetail]:
    """Describe how a hook ended."""
    return [
        msgspec.structs.replace(each, status=event.status) if each.hook_id == event.hook else each for each in hooks
    ]


def weights(doc: shapes.ServiceDeployment, test: float, production: float) -> dict[str, Any]:
    """Describe what traffic the target revision has; what it was before has the rest."""
    target = doc.target_service_revision or shapes.ServiceRevisionSummary()
    sources = doc.source_service_revisions or []
    return {
        "target_service_revision": _weighed(target, test, production),
        "source_service_revisions": [
            *[_weighed(each, ALL - test, ALL - production) for each in sources[:1]],
            *[_weighed(each, 0.0, 0.0) for each in sources[1:]],
        ],
    }


def _weighed(held: shapes.ServiceRevisionSummary, test: float, production: float) -> shapes.ServiceRevisionSummary:
    return msgspec.structs.replace(
        held, requested_test_traffic_weight=test, requested_production_traffic_weight=production
    )
