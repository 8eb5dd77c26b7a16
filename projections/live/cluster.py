"""Cluster: how its events change the live view."""

from quarterdeck.events.cluster import ClusterCreated, ClusterDeleted
from quarterdeck.projections.live.states import ClusterState, NamespaceState


def created(namespace: NamespaceState, event: ClusterCreated, at: float) -> None:
    """Begin a cluster, empty, also where one of its name was INACTIVE."""
    namespace.clusters[event.cluster] = ClusterState(
        name=event.cluster,
        created_at=at,
        settings=event.settings,
        configuration=event.configuration,
        service_connect_defaults=event.service_connect_defaults,
        tags=event.tags,
    )


def deleted(namespace: NamespaceState, event: ClusterDeleted, _at: float) -> None:
    """Make a cluster INACTIVE."""
    namespace.clusters[event.cluster].status = "INACTIVE"
