"""Cluster: deciding on its life (spec §3.3)."""

from quarterdeck.engine.core import quota
from quarterdeck.engine.core.account_setting import in_force
from quarterdeck.engine.core.errors import (
    ClientException,
    ClusterContainsContainerInstancesException,
    ClusterContainsServicesException,
    ClusterContainsTasksException,
    ClusterNotFoundException,
    InvalidParameterException,
)
from quarterdeck.engine.core.strategy import checked_providers, checked_strategy, put
from quarterdeck.engine.core.tags import checked_tags
from quarterdeck.engine.core.turn import Turn, valid_name
from quarterdeck.events import shapes
from quarterdeck.events.cluster import ClusterCreated, ClusterDeleted, ClusterUpdated
from quarterdeck.events.names import DEFAULT_CLUSTER
from quarterdeck.projections.live.states import ClusterState

INSIGHTS = "containerInsights"
INSIGHTS_VALUES = ("enabled", "disabled", "enhanced")
LOGGING = ("NONE", "DEFAULT", "OVERRIDE")


def create(turn: Turn, request: shapes.CreateClusterRequest) -> None:
    """Create a cluster, ``default`` if not named; one that exists is left as it is if it is as asked for."""
    name = request.cluster_name or DEFAULT_CLUSTER
    if not valid_name(name):
        raise InvalidParameterException("Invalid cluster name.")
    providers = checked_providers(turn, request.capacity_providers, name)
    event = ClusterCreated(
        cluster=name,
        settings=_settings(request.settings, in_force(turn, INSIGHTS, turn.actor)),
        configuration=_checked_configuration(request.configuration),
        service_connect_defaults=request.service_connect_defaults,
        tags=checked_tags(request.tags),
        capacity_providers=providers,
        default_capacity_provider_strategy=checked_strategy(
            turn, request.default_capacity_provider_strategy, providers
        ),
    )
    existing = turn.state.clusters.get(name)
    if existing is None or existing.status == "INACTIVE":
        active = sum(each.status == "ACTIVE" for each in turn.state.clusters.values())
        quota.check(active, turn.settings.quotas.clusters, "clusters", "quota_clusters")
        turn.emit(event)
    elif not _is_as_asked(existing, request, event):
        raise InvalidParameterException(
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
        )


def update(turn: Turn, request: shapes.UpdateClusterRequest) -> None:
    """Change what the request says; what it does not say stays."""
    cluster = changeable(turn, request.cluster)
    _change(
        turn,
        cluster,
        settings=_settings(request.settings, "") if request.settings else cluster.settings,
        configuration=_merged(cluster.configuration, _checked_configuration(request.configuration)),
        defaults=request.service_connect_defaults,
    )


def update_settings(turn: Turn, request: shapes.UpdateClusterSettingsRequest) -> None:
    """Change the settings."""
    cluster = changeable(turn, request.cluster)
    if not request.settings:
        raise InvalidParameterException("settings can not be empty")
    _change(turn, cluster, settings=_settings(request.settings, ""), configuration=cluster.configuration)


def put_capacity_providers(turn: Turn, request: shapes.PutClusterCapacityProvidersRequest) -> None:
    """Replace the capacity providers and the default strategy."""
    put(turn, changeable(turn, request.cluster), request)


def changeable(turn: Turn, reference: str | None) -> ClusterState:
    """Find a cluster to change, which must be named."""
    if not reference:
        raise InvalidParameterException("Cluster can not be blank.")
    cluster = turn.state.clusters.get(turn.local("cluster", reference))
    if cluster is None:
        raise ClusterNotFoundException("Cluster not found.")
    if cluster.status != "ACTIVE":
        raise ClientException("Cluster was not ACTIVE.")
    return cluster


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
        and (not request.capacity_providers or set(event.capacity_providers) == set(cluster.capacity_providers))
        and (
            not request.default_capacity_provider_strategy
            or event.default_capacity_provider_strategy == cluster.default_strategy
        )
        and (not request.tags or _values(event.tags) == _values(cluster.tags))
    )


def _values(tags: list[shapes.Tag]) -> dict[str | None, str | None]:
    return {each.key: each.value for each in tags}


def _settings(settings: list[shapes.ClusterSetting] | None, default: str) -> list[shapes.ClusterSetting]:
    given = {each.name: each.value for each in settings or []}
    if any(name != INSIGHTS for name in given):
        raise InvalidParameterException("Invalid setting 'name'")
    value = given.get(INSIGHTS, default)
    if value not in INSIGHTS_VALUES:
        raise InvalidParameterException("Invalid setting 'value'")
    return [shapes.ClusterSetting(name=INSIGHTS, value=value)]


def _checked_configuration(given: shapes.ClusterConfiguration | None) -> shapes.ClusterConfiguration | None:
    execute = given.execute_command_configuration if given is not None else None
    if execute is None:
        return given
    if execute.logging not in {None, *LOGGING}:
        raise InvalidParameterException(f"logging should be one of [{','.join(LOGGING)}]")
    log = execute.log_configuration
    named = log is not None and (log.cloud_watch_log_group_name or log.s3_bucket_name)
    if execute.logging == "OVERRIDE" and not named:
        raise InvalidParameterException(
            "A CloudWatch log group name or S3 bucket name must be specified when overriding the default log "
            "configuration. Specify a log group name or bucket name and try again."
        )
    return given


def _merged(
    before: shapes.ClusterConfiguration | None, given: shapes.ClusterConfiguration | None
) -> shapes.ClusterConfiguration | None:
    if before is None or given is None:
        return given or before
    return shapes.ClusterConfiguration(
        execute_command_configuration=given.execute_command_configuration or before.execute_command_configuration,
        managed_storage_configuration=given.managed_storage_configuration or before.managed_storage_configuration,
    )


def _change(
    turn: Turn,
    cluster: ClusterState,
    *,
    settings: list[shapes.ClusterSetting],
    configuration: shapes.ClusterConfiguration | None,
    defaults: shapes.ClusterServiceConnectDefaultsRequest | None = None,
) -> None:
    """Tell what is not as it was, if anything is."""
    namespace = cluster.service_connect_defaults.namespace if cluster.service_connect_defaults else ""
    renamed = defaults is not None and (defaults.namespace or "") != (namespace or "")
    event = ClusterUpdated(
        cluster=cluster.name,
        settings=settings if settings != cluster.settings else None,
        configuration=configuration if configuration != cluster.configuration else None,
        service_connect_defaults=defaults if renamed else None,
    )
    if event != ClusterUpdated(cluster=cluster.name):
        turn.emit(event)


def _empty(cluster: ClusterState) -> None:
    if any(each.status != "INACTIVE" for each in cluster.instances.values()):
        raise ClusterContainsContainerInstancesException(
            "The Cluster cannot be deleted while Container Instances are active or draining."
        )
    if any(each.status != "INACTIVE" for each in cluster.services.values()):
        raise ClusterContainsServicesException("The Cluster cannot be deleted while Services are active.")
    if any(each.last_status != "STOPPED" for each in cluster.tasks.values()):
        raise ClusterContainsTasksException("The Cluster cannot be deleted while Tasks are active.")
