"""Cluster: its operations at the doors."""

from quarterdeck.engine.core import cluster as core
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.paging import next_token, page
from quarterdeck.engine.doors.references import IDENTIFIERS_MAX, included, limited, missing, name_in, names_in
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes
from quarterdeck.events.names import DEFAULT_CLUSTER

INCLUDES = ("ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS")


async def _created(context: Context, request: shapes.CreateClusterRequest, _: Outcome) -> shapes.CreateClusterResponse:
    return shapes.CreateClusterResponse(cluster=await _one(context, request.cluster_name or DEFAULT_CLUSTER))


async def _updated(context: Context, request: shapes.UpdateClusterRequest, _: Outcome) -> shapes.UpdateClusterResponse:
    return shapes.UpdateClusterResponse(cluster=await _named(context, request.cluster))


async def _settings_updated(
    context: Context, request: shapes.UpdateClusterSettingsRequest, _: Outcome
) -> shapes.UpdateClusterSettingsResponse:
    return shapes.UpdateClusterSettingsResponse(cluster=await _named(context, request.cluster))


async def _capacity_providers_put(
    context: Context, request: shapes.PutClusterCapacityProvidersRequest, _: Outcome
) -> shapes.PutClusterCapacityProvidersResponse:
    return shapes.PutClusterCapacityProvidersResponse(cluster=await _named(context, request.cluster))


async def _deleted(context: Context, request: shapes.DeleteClusterRequest, _: Outcome) -> shapes.DeleteClusterResponse:
    return shapes.DeleteClusterResponse(cluster=await _named(context, request.cluster))


async def _named(context: Context, reference: str | None) -> shapes.Cluster:
    return await _one(context, name_in(context, "cluster", reference or ""))


async def _one(context: Context, name: str) -> shapes.Cluster:
    return (await context.models.clusters.describe(context.namespace, [name], INCLUDES))[name]


async def _describe(context: Context, request: shapes.DescribeClustersRequest) -> shapes.DescribeClustersResponse:
    asked = request.clusters or [DEFAULT_CLUSTER]
    names = names_in(context, "cluster", limited(asked, "Clusters cannot be empty.", IDENTIFIERS_MAX))
    found = await context.models.clusters.describe(context.namespace, names, included(request.include, INCLUDES))
    return shapes.DescribeClustersResponse(
        clusters=[found[name] for name in names if name in found],
        failures=missing(context.namespace.cluster_arn(name) for name in names if name not in found),
    )


async def _list(context: Context, request: shapes.ListClustersRequest) -> shapes.ListClustersResponse:
    listed = await context.models.clusters.list(context.namespace, page(request))
    return shapes.ListClustersResponse(cluster_arns=listed.items, next_token=next_token(request, listed))


OPERATIONS: dict[str, Operation] = {
    "CreateCluster": Write(decide=core.create, answer=_created),
    "UpdateCluster": Write(decide=core.update, answer=_updated),
    "UpdateClusterSettings": Write(decide=core.update_settings, answer=_settings_updated),
    "PutClusterCapacityProviders": Write(decide=core.put_capacity_providers, answer=_capacity_providers_put),
    "DeleteCluster": Write(decide=core.delete, answer=_deleted),
    "DescribeClusters": Read(read=_describe),
    "ListClusters": Read(read=_list),
}
