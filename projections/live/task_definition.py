"""Task definition: how its events change the live view."""

from collections.abc import Iterator

from quarterdeck.events import shapes
from quarterdeck.events.task_definition import (
    TaskDefinitionDeleted,
    TaskDefinitionDeletionRequested,
    TaskDefinitionDeregistered,
    TaskDefinitionRegistered,
)
from quarterdeck.projections.live.demand import demand
from quarterdeck.projections.live.states import DefinitionState, FamilyState, NamespaceState


def registered(namespace: NamespaceState, event: TaskDefinitionRegistered, _at: float) -> None:
    """Add a revision, with what its tasks will need worked out."""
    family = namespace.families.setdefault(event.family, FamilyState())
    family.revisions[event.revision] = DefinitionState(
        name=f"{event.family}:{event.revision}",
        definition=event.definition,
        demand=demand(event.definition),
        tags=event.tags,
        checked=tuple(_checked(event.definition)),
    )
    family.last = max(family.last, event.revision)


def _checked(definition: shapes.TaskDefinition) -> Iterator[str]:
    for each in definition.container_definitions or []:
        if each.health_check is not None and each.essential is not False:
            yield each.name or ""


def deregistered(namespace: NamespaceState, event: TaskDefinitionDeregistered, _at: float) -> None:
    """Make a revision INACTIVE."""
    namespace.families[event.family].revisions[event.revision].status = "INACTIVE"


def deletion_requested(namespace: NamespaceState, event: TaskDefinitionDeletionRequested, _at: float) -> None:
    """Make a revision DELETE_IN_PROGRESS."""
    found = namespace.families[event.family].revisions[event.revision]
    found.status = "DELETE_IN_PROGRESS"
    namespace.deleting[found.name] = None


def deleted(namespace: NamespaceState, event: TaskDefinitionDeleted, _at: float) -> None:
    """Forget a revision, but not its number."""
    found = namespace.families[event.family].revisions.pop(event.revision)
    namespace.deleting.pop(found.name, None)


def find(namespace: NamespaceState, name: str) -> DefinitionState:
    """Look up ``family:revision``, which must exist."""
    family, _, revision = name.rpartition(":")
    return namespace.families[family].revisions[int(revision)]
