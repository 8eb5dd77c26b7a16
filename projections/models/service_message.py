"""Service message: the texts of a service's events (spec §7.6). Pure."""

from collections.abc import Iterator, Mapping, Sequence

from quarterdeck.events.service import (
    DeploymentFailed,
    RebalancingEvent,
    ServiceRebalancingBlocked,
    ServiceRebalancingCompleted,
    ServiceRebalancingStarted,
    ServiceTaskPlacementFailed,
)

TASKS_MAX = 10
"""The most tasks one message names."""

NO_PLACE = "no container instance met all of its requirements."
UNPLACEABLE = f"was unable to place a task because {NO_PLACE}"
UNABLE = "was unable to scale in due to"
BLOCKED = (
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. "
    "Update the minimumHealthyPercent or maximumPercent value and try again."
)
HELP = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
NO_INSTANCES = "No Container Instances were found in your cluster."
CAUSES = {
    "RESOURCE:CPU": "has insufficient CPU units available.",
    "RESOURCE:MEMORY": "has insufficient memory available.",
    "RESOURCE:PORTS": "is already using a port required by your task.",
    "ATTRIBUTE": "is missing an attribute required by your task.",
    "STATUS": 'encountered error "AGENT".',
    "AGENT": "doesn't have the agent connected.",
}

FAILURES = {"CIRCUIT_BREAKER": "tasks failed to start.", "ALARMS": "alarm detected."}


def started(service: str, tasks: Sequence[str], zone: str = "") -> str:
    """Name tasks that were created; those for a zone were to rebalance it."""
    if zone:
        return f"{service} has started {len(tasks)} tasks in {zone} to AZ Rebalance: {', '.join(tasks)}."
    return f"(service {service}) has started {len(tasks)} tasks: {_named(tasks)}."


def stopped(service: str, tasks: Sequence[str], zone: str = "") -> str:
    """Name tasks the scheduler wants no more; those of a zone moved from there."""
    if zone:
        named = ", ".join(tasks)
        return f"{service} has stopped {len(tasks)} running tasks in {zone} due to AZ rebalancing: {named}."
    return f"(service {service}) has stopped {len(tasks)} running tasks: {_named(tasks)}."


def unhealthy(service: str, task: str) -> str:
    """Say that a task is replaced for its health."""
    return f"(service {service}) (task {task}) failed container health checks."


def steady(service: str) -> str:
    """Say that nothing is left to do."""
    return f"(service {service}) has reached a steady state."


def completed(service: str, deployment: str) -> str:
    """Say that a deployment is done."""
    return f"(service {service}) (deployment {deployment}) deployment completed."


def failed(event: DeploymentFailed) -> str:
    """Say that a deployment was given up, and why."""
    why = FAILURES.get(event.cause, event.reason)
    return f"(service {event.service}) (deployment {event.deployment}) deployment failed: {why}"


def rolling_back(service: str, deployment: str) -> str:
    """Say which deployment the service goes back to."""
    return f"(service {service}) rolling back to deployment {deployment}."


def unplaceable(event: ServiceTaskPlacementFailed) -> str:
    """Say why a task found no room: no instance there, or what the closest one lacks."""
    said = f"(service {event.service}) {UNPLACEABLE}"
    if not event.closest:
        return f"{said} Reason: {NO_INSTANCES} {HELP}"
    cause = CAUSES.get(event.reason) or f'encountered error "{event.reason}".'
    return f"{said} The closest matching (container-instance {event.closest}) {cause} {HELP}"


def impaired(service: str) -> str:
    """Say that tasks keep failing to start."""
    return f"(service {service}) is unable to consistently start tasks successfully. {HELP}"


def blocked(service: str) -> str:
    """Say that the deployment configuration lets nothing happen."""
    return f"(service {service}) {BLOCKED}"


def scale_in_blocked(service: str, deployment: str) -> str:
    """Say that more tasks are protected than desired (spec §6.8)."""
    return (
        f"(service {service}) was unable to reach steady state because task set ({deployment}) was unable to scale in. "
        "Reason: The number of protected tasks are more than the desired count of tasks"
    )


def steady_set(service: str, task_set: str) -> str:
    """Say that a task set has what it should have."""
    return f"(service {service}, taskSet {task_set}) updated state to STEADY_STATE."


def rebalancing(event: RebalancingEvent) -> str:
    """Say how zone rebalancing goes (spec §8.7)."""
    about = f"service ({event.service})"
    match event:
        case ServiceRebalancingStarted():
            return f"{about} is not AZ balanced with {_counted(event.zones)}. AZ Rebalancing in progress."
        case ServiceRebalancingCompleted():
            return f"{about} is AZ balanced with {_counted(event.zones)}."
        case ServiceRebalancingBlocked() if event.reason:
            return f"{about} was unable to AZ Rebalance because {event.deployment} {UNABLE} {event.reason}."
        case ServiceRebalancingBlocked():
            return f"{about} is unable to place a task in {event.zone} because {NO_PLACE}"
        case _:
            return f"{about} stopped AZ Rebalancing."


def batches(tasks: Sequence[tuple[int, str]]) -> Iterator[Sequence[tuple[int, str]]]:
    """Cut what one decision did into messages."""
    return (tasks[start : start + TASKS_MAX] for start in range(0, len(tasks), TASKS_MAX))


def _counted(zones: Mapping[str, int]) -> str:
    said = [f"{count} tasks in {zone}" for zone, count in sorted(zones.items())]
    return ", ".join(said[:-1]) + (f", and {said[-1]}" if said[1:] else said[-1])


def _named(tasks: Sequence[str]) -> str:
    return " ".join(f"(task {each})" for each in tasks)
