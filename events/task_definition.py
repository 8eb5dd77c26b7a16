"""Task definition: the events of a revision's life."""

from quarterdeck.events import shapes
from quarterdeck.events.base import Event


class TaskDefinitionEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about one revision of a family."""

    family: str
    revision: int


class TaskDefinitionRegistered(TaskDefinitionEvent, frozen=True, kw_only=True, gc=False):
    """A revision was registered; ``definition`` is complete, ECS's defaults filled in."""

    definition: shapes.TaskDefinition
    tags: list[shapes.Tag] = []


class TaskDefinitionDeregistered(TaskDefinitionEvent, frozen=True, kw_only=True, gc=False):
    """A revision became INACTIVE."""


class TaskDefinitionDeletionRequested(TaskDefinitionEvent, frozen=True, kw_only=True, gc=False):
    """A revision became DELETE_IN_PROGRESS; it is there while a task or service has it."""


class TaskDefinitionDeleted(TaskDefinitionEvent, frozen=True, kw_only=True, gc=False):
    """A revision is gone; its number is never used again."""
