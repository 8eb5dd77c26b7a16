"""Labels: what a container says of the task it belongs to; the names are a contract with others' tools."""

CLUSTER = "com.amazonaws.ecs.cluster"
TASK_ARN = "com.amazonaws.ecs.task-arn"
CONTAINER_NAME = "com.amazonaws.ecs.container-name"
FAMILY = "com.amazonaws.ecs.task-definition-family"
REVISION = "com.amazonaws.ecs.task-definition-version"
CONTAINER_INSTANCE = "quarterdeck.container-instance"
SUBNET = "quarterdeck.subnet"
"""Of a task's own network, on the container that owns it."""
TASK_VOLUMES = "quarterdeck.task-volumes"
"""Volumes that end with the task, with commas between."""


def task_volumes(labels: dict[str, str]) -> list[str]:
    """The volumes that end with the task of a container."""
    return [name for name in labels.get(TASK_VOLUMES, "").split(",") if name]
