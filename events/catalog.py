"""Catalog: every event type there is, as one union for the codec and one table for folds."""

from quarterdeck.events import (
    account_setting,
    alarm,
    capacity_provider,
    cluster,
    container_instance,
    secret,
    service,
    tag,
    task,
    task_definition,
    task_set,
)
from quarterdeck.events.names import short_name

AnyEvent = (
    cluster.ClusterCreated
    | cluster.ClusterUpdated
    | cluster.ClusterCapacityProvidersChanged
    | cluster.ClusterDeleted
    | container_instance.ContainerInstanceRegistered
    | container_instance.ContainerInstanceReregistered
    | container_instance.ContainerInstanceStatusChanged
    | container_instance.ContainerInstanceDeregistered
    | container_instance.AttributesPut
    | container_instance.AttributesDeleted
    | container_instance.AgentConnected
    | container_instance.AgentDisconnected
    | container_instance.AgentLost
    | container_instance.RuntimeHealthChanged
    | container_instance.AgentUpdateRequested
    | capacity_provider.CapacityProviderCreated
    | capacity_provider.CapacityProviderUpdated
    | capacity_provider.CapacityProviderDeleted
    | capacity_provider.CapacityProviderDeletionFailed
    | account_setting.AccountSettingPut
    | account_setting.AccountSettingDeleted
    | alarm.AlarmStateChanged
    | secret.SecretStored
    | secret.SecretDeleted
    | tag.ResourceTagged
    | tag.ResourceUntagged
    | task_definition.TaskDefinitionRegistered
    | task_definition.TaskDefinitionDeregistered
    | task_definition.TaskDefinitionDeletionRequested
    | task_definition.TaskDefinitionDeleted
    | service.ServiceCreated
    | service.ServiceUpdated
    | service.ServiceDeleted
    | service.ServiceDrained
    | service.DeploymentStarted
    | service.DeploymentCompleted
    | service.DeploymentBaking
    | service.DeploymentStopRequested
    | service.DeploymentStageEntered
    | service.DeploymentTrafficShifted
    | service.DeploymentHookStarted
    | service.DeploymentHookEnded
    | service.DeploymentFailuresCounted
    | service.DeploymentFailed
    | service.ServiceDeploymentBlocked
    | service.ServiceSteadyStateReached
    | service.ServiceTaskPlacementFailed
    | service.ServiceTaskStartImpaired
    | service.ServiceScaleInBlocked
    | service.ServiceDesiredCountChanged
    | service.ServiceDaemonConstraintViolated
    | service.ServiceRebalancingStarted
    | service.ServiceRebalancingTaskStarted
    | service.ServiceRebalancingBlocked
    | service.ServiceRebalancingStopped
    | service.ServiceRebalancingCompleted
    | task_set.TaskSetCreated
    | task_set.TaskSetScaled
    | task_set.PrimaryTaskSetChanged
    | task_set.TaskSetSteadyStateReached
    | task_set.TaskSetDeleted
    | task_set.TaskSetDrained
    | task.TaskRequested
    | task.TaskQueued
    | task.TaskPlaced
    | task.TaskPlacementFailed
    | task.TaskStarted
    | task.ContainerStateChanged
    | task.ExecuteCommandRequested
    | task.TaskHealthChanged
    | task.TaskProtectionEnabled
    | task.TaskProtectionDisabled
    | task.TaskStopRequested
    | task.TaskStopping
    | task.TaskStopped
)

EVENT_TYPES: dict[str, type[AnyEvent]] = {kind.__name__: kind for kind in AnyEvent.__args__}


def noun(event: AnyEvent) -> str:
    """Say what an event is about: the name of the module that defines its type."""
    return type(event).__module__.rpartition(".")[2]


def subject(event: AnyEvent) -> str:
    """Name the thing an event is about: an id, a service's name, or ``family:revision``."""
    match event:
        case task.TaskEvent():
            return event.task
        case task.TaskPlacementFailed():
            return event.group
        case container_instance.ContainerInstanceEvent():
            return event.container_instance
        case service.ServiceEvent():
            return event.task_set if isinstance(event, task_set.TaskSetEvent) else event.service
        case task_definition.TaskDefinitionEvent():
            return f"{event.family}:{event.revision}"
        case (
            capacity_provider.CapacityProviderEvent()
            | account_setting.AccountSettingEvent()
            | alarm.AlarmStateChanged()
            | tag.TagEvent()
            | secret.SecretEvent()
        ):
            return _in_no_cluster(event)
        case (
            cluster.ClusterCreated()
            | cluster.ClusterUpdated()
            | cluster.ClusterCapacityProvidersChanged()
            | cluster.ClusterDeleted()
        ):
            return event.cluster


def _in_no_cluster(
    event: capacity_provider.CapacityProviderEvent
    | account_setting.AccountSettingEvent
    | alarm.AlarmStateChanged
    | tag.TagEvent
    | secret.SecretEvent,
) -> str:
    match event:
        case capacity_provider.CapacityProviderEvent():
            return event.capacity_provider
        case account_setting.AccountSettingEvent():
            return event.name
        case alarm.AlarmStateChanged():
            return event.alarm
        case tag.TagEvent():
            return short_name(event.resource)
        case secret.SecretEvent():
            return event.secret
