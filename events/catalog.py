"""Catalog: every event type there is, as one union for the codec and one table for folds."""

from quarterdeck.events import cluster, container_instance, service, task, task_definition, task_set

AnyEvent = (
    cluster.ClusterCreated
    | cluster.ClusterDeleted
    | container_instance.ContainerInstanceRegistered
    | container_instance.ContainerInstanceReregistered
    | container_instance.ContainerInstanceStatusChanged
    | container_instance.ContainerInstanceDeregistered
    | container_instance.AgentConnected
    | container_instance.AgentDisconnected
    | container_instance.AgentLost
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
    | service.ServiceDeploymentBlocked
    | service.ServiceSteadyStateReached
    | service.ServiceTaskPlacementFailed
    | service.ServiceTaskStartImpaired
    | service.ServiceScaleInBlocked
    | task_set.TaskSetCreated
    | task_set.TaskSetScaled
    | task_set.PrimaryTaskSetChanged
    | task_set.TaskSetSteadyStateReached
    | task_set.TaskSetDeleted
    | task_set.TaskSetDrained
    | task.TaskRequested
    | task.TaskPlaced
    | task.TaskPlacementFailed
    | task.TaskStarted
    | task.ContainerStateChanged
    | task.TaskProtectionEnabled
    | task.TaskProtectionDisabled
    | task.TaskStopRequested
    | task.TaskStopped
)

EVENT_TYPES: dict[str, type[AnyEvent]] = {kind.__name__: kind for kind in AnyEvent.__args__}

NOUNS = ("cluster", "container_instance", "service", "task", "task_definition", "task_set")


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
        case task_set.TaskSetEvent():
            return event.task_set
        case service.ServiceEvent():
            return event.service
        case task_definition.TaskDefinitionEvent():
            return f"{event.family}:{event.revision}"
        case cluster.ClusterCreated() | cluster.ClusterDeleted():
            return event.cluster
