"""Naming: what a task's containers and volumes are called on its host. Pure."""

from quarterdeck.events import shapes

TASK_DIGITS = 12
NAME_CHARACTERS_MAX = 64
"""Of a family, and of a container, in the name of a container: a runtime may allow 200 in all."""


def unique_name(definition: shapes.TaskDefinition, name: str, index: int, task: str) -> str:
    """Name a container or volume of a task so that people recognize it, and no two have the same."""
    short = name[:NAME_CHARACTERS_MAX] + (f"-{index}" if len(name) > NAME_CHARACTERS_MAX else "")
    family = (definition.family or "")[:NAME_CHARACTERS_MAX]
    return f"ecs-{family}-{definition.revision}-{short}-{task[:TASK_DIGITS]}"
