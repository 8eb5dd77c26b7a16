"""Overrides: what a caller may change of a task definition for one task (spec §6.3)."""

from collections.abc import Iterator

import msgspec

from quarterdeck.engine.core.errors import ClientException, InvalidParameterException
from quarterdeck.engine.core.role import is_role
from quarterdeck.engine.core.turn import whole_number
from quarterdeck.events import shapes

OVERRIDES_CHARACTERS_MAX = 8192
NO_ROLE = (
    "ECS was unable to assume the role '{}' that was provided for this task. Please verify that the role being passed "
    "has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
)


def checked_overrides(
    definition: shapes.TaskDefinition, overrides: shapes.TaskOverride | None
) -> shapes.TaskOverride | None:
    """Refuse overrides that ECS refuses; None if they override nothing."""
    if overrides is None:
        return None
    if len(msgspec.json.encode(overrides)) > OVERRIDES_CHARACTERS_MAX:
        raise InvalidParameterException(f"Overrides may have up to {OVERRIDES_CHARACTERS_MAX} characters as JSON.")
    _check_task_level(overrides)
    names = {each.name for each in definition.container_definitions or []}
    for each in overrides.container_overrides or []:
        if not each.name:
            raise InvalidParameterException("Override for a container without a name: say which container it is for.")
        if each.name not in names:
            raise InvalidParameterException(
                f"Override for container named {each.name} is not a container in the TaskDefinition."
            )
        _check_amounts(each, definition, overrides)
    return overrides if overrides != shapes.TaskOverride() else None


def _check_task_level(overrides: shapes.TaskOverride) -> None:
    for role in (overrides.task_role_arn, overrides.execution_role_arn):
        if role and not is_role(role):
            raise ClientException(NO_ROLE.format(role))
    for amount in (overrides.cpu, overrides.memory):
        if amount and whole_number(amount) is None:
            raise InvalidParameterException(f"Invalid override of the task size: {amount} is not a whole number.")


def _check_amounts(
    override: shapes.ContainerOverride, definition: shapes.TaskDefinition, overrides: shapes.TaskOverride
) -> None:
    """A container's override must not be less than nothing, which would make room, nor more than the task's size."""
    for need in override.resource_requirements or []:
        if need.type == "GPU" and whole_number(need.value or "") is None:
            raise InvalidParameterException(f"Invalid override of container {override.name}: GPU is a whole number.")
    for member, amount, size in _amounts(override, definition, overrides):
        if amount < 0:
            raise InvalidParameterException(f"Invalid override of container {override.name}: {member} is negative.")
        if size and amount > int(size):
            raise InvalidParameterException(
                f"Invalid override of container {override.name}: {member} {amount} is greater than the task's {size}."
            )


def _amounts(
    override: shapes.ContainerOverride, definition: shapes.TaskDefinition, overrides: shapes.TaskOverride
) -> Iterator[tuple[str, int, str | None]]:
    cpu, memory = overrides.cpu or definition.cpu, overrides.memory or definition.memory
    yield "cpu", override.cpu or 0, cpu
    yield "memory", override.memory or 0, memory
    yield "memoryReservation", override.memory_reservation or 0, memory
