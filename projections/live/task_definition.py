"""Task definition: how its events change the live view."""

from quarterdeck.events.task_definition import TaskDefinitionDeregistered, TaskDefinitionRegistered
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
    )
    family.last = max(family.last, event.revision)


def deregistered(namespace: NamespaceState, event: TaskDefinitionDeregistered, _at: float) -> None:
    """Make a revision INACTIVE."""
    namespace.families[event.family].revisions[event.revision].status = "INACTIVE"


def find(namespace: NamespaceState, name: str) -> DefinitionState:
    """Look up ``family:revision``, which must exist."""
    family, _, revision = name.rpartition(":")
    return namespace.families[family].revisions[int(revision)]
