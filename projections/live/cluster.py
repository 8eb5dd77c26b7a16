"""Cluster: how its events change the live view."""

from quarterdeck.events.cluster import (
    ClusterCapacityProvidersChanged,
    ClusterCreated,
    ClusterDeleted,
    ClusterUpdated,
)
from quarterdeck.projections.live.states import ClusterState, NamespaceState


def created(namespace: NamespaceState, event: ClusterCreated, at: float) -> None:
    """Begin a cluster, empty, also where one of its name was INACTIVE."""
    namespace.clusters[event.cluster] = ClusterState(
        name=event.cluster,
        created_at=at,
        settings=event.settings,
        configuration=event.configuration,
        service_connect_defaults=event.service_connect_defaults,
        capacity_providers=event.capacity_providers,
        default_strategy=event.default_capacity_provider_strategy,
        tags=event.tags,
    )


def updated(namespace: NamespaceState, event: ClusterUpdated, _at: float) -> None:
    """Change what the caller changed."""
    cluster = namespace.clusters[event.cluster]
    if event.settings is not None:
        cluster.settings = event.settings
    if event.configuration is not None:
        cluster.configuration = event.configuration
    if event.service_connect_defaults is not None:
        has_namespace = bool(event.service_connect_defaults.namespace)
        cluster.service_connect_defaults = event.service_connect_defaults if has_namespace else None


def capacity_providers_changed(namespace: NamespaceState, event: ClusterCapacityProvidersChanged, _at: float) -> None:
    """Replace the capacity providers and the default strategy."""
    cluster = namespace.clusters[event.cluster]
    cluster.capacity_providers = event.capacity_providers
    cluster.default_strategy = event.default_capacity_provider_strategy


def deleted(namespace: NamespaceState, event: ClusterDeleted, _at: float) -> None:
    """Make a cluster INACTIVE."""
    namespace.clusters[event.cluster].status = "INACTIVE"
