"""Cluster: deciding on its creation and deletion (spec §3.3)."""

from quarterdeck.engine.core.errors import (
    ClusterContainsContainerInstancesException,
    ClusterContainsServicesException,
    ClusterContainsTasksException,
    ClusterNotFoundException,
    InvalidParameterException,
)
from quarterdeck.engine.core.tags import checked_tags
from quarterdeck.engine.core.turn import Turn, valid_name
from quarterdeck.events import shapes
from quarterdeck.events.cluster import ClusterCreated, ClusterDeleted
from quarterdeck.events.names import DEFAULT_CLUSTER
from quarterdeck.projections.live.states import ClusterState

INSIGHTS = ("enabled", "disabled", "enhanced")


def create(turn: Turn, request: shapes.CreateClusterRequest) -> None:
    """Create a cluster, ``default`` if not named; one that exists is left as it is if it is as asked for."""
    name = request.cluster_name or DEFAULT_CLUSTER
    if not valid_name(name):
        raise InvalidParameterException("Invalid cluster name.")
    if request.capacity_providers or request.default_capacity_provider_strategy:
        raise InvalidParameterException("The specified capacity provider was not found.")
    event = ClusterCreated(
        cluster=name,
        settings=_settings(request.settings),
        configuration=request.configuration,
        service_connect_defaults=request.service_connect_defaults,
        tags=checked_tags(request.tags),
    )
    existing = turn.state.clusters.get(name)
    if existing is None or existing.status == "INACTIVE":
        turn.emit(event)
    elif not _is_as_asked(existing, request, event):
        raise InvalidParameterException(
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
        )


def delete(turn: Turn, request: shapes.DeleteClusterRequest) -> None:
    """Delete a cluster that is empty; one already INACTIVE is left as it is."""
    if not request.cluster:
        raise InvalidParameterException("Cluster can not be blank.")
    cluster = turn.state.clusters.get(turn.local("cluster", request.cluster))
    if cluster is None:
        raise ClusterNotFoundException("Cluster not found.")
    if cluster.status == "INACTIVE":
        return
    _empty(cluster)
    turn.emit(ClusterDeleted(cluster=cluster.name))


def _is_as_asked(cluster: ClusterState, request: shapes.CreateClusterRequest, event: ClusterCreated) -> bool:
    """Compare what the request says with what the cluster has; what it does not say may be anything (spec §2.9)."""
    return (
        (not request.settings or event.settings == cluster.settings)
        and (request.configuration is None or event.configuration == cluster.configuration)
        and (
            request.service_connect_defaults is None
            or event.service_connect_defaults == cluster.service_connect_defaults
        )
        and (not request.tags or _values(event.tags) == _values(cluster.tags))
    )


def _values(tags: list[shapes.Tag]) -> dict[str | None, str | None]:
    return {each.key: each.value for each in tags}


def _settings(settings: list[shapes.ClusterSetting] | None) -> list[shapes.ClusterSetting]:
    given = {each.name: each.value for each in settings or []}
    if any(name != "containerInsights" for name in given):
        raise InvalidParameterException("Invalid setting 'name'")
    value = given.get("containerInsights", "disabled")
    if value not in INSIGHTS:
        raise InvalidParameterException("Invalid setting 'value'")
    return [shapes.ClusterSetting(name="containerInsights", value=value)]


def _empty(cluster: ClusterState) -> None:
    if any(each.status != "INACTIVE" for each in cluster.instances.values()):
        raise ClusterContainsContainerInstancesException(
            "The Cluster cannot be deleted while Container Instances are active or draining."
        )
    if any(each.status != "INACTIVE" for each in cluster.services.values()):
        raise ClusterContainsServicesException("The Cluster cannot be deleted while Services are active.")
    if any(each.last_status != "STOPPED" for each in cluster.tasks.values()):
        raise ClusterContainsTasksException("The Cluster cannot be deleted while Tasks are active.")
