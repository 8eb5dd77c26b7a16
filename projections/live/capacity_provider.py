"""Capacity provider: how its events change the live view."""

from quarterdeck.events.capacity_provider import (
    CapacityProviderCreated,
    CapacityProviderDeleted,
    CapacityProviderDeletionFailed,
    CapacityProviderUpdated,
)
from quarterdeck.projections.live.states import CapacityProviderState, NamespaceState


def created(namespace: NamespaceState, event: CapacityProviderCreated, _at: float) -> None:
    """Begin a capacity provider, also where one of its name was INACTIVE."""
    namespace.capacity_providers[event.capacity_provider] = CapacityProviderState(
        name=event.capacity_provider,
        auto_scaling_group_provider=event.auto_scaling_group_provider,
        tags=event.tags,
    )


def updated(namespace: NamespaceState, event: CapacityProviderUpdated, _at: float) -> None:
    """Change what the caller changed."""
    found = namespace.capacity_providers[event.capacity_provider]
    found.auto_scaling_group_provider = event.auto_scaling_group_provider


def deleted(namespace: NamespaceState, event: CapacityProviderDeleted, _at: float) -> None:
    """Make a capacity provider INACTIVE."""
    namespace.capacity_providers[event.capacity_provider].status = "INACTIVE"


def deletion_failed(_namespace: NamespaceState, _event: CapacityProviderDeletionFailed, _at: float) -> None:
    """Change nothing: it stays."""
