"""Capacity provider: its operations at the doors."""

import msgspec

from quarterdeck.engine.core import capacity_provider as core
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.paging import next_token, page, slice_after
from quarterdeck.engine.doors.references import (
    IDENTIFIERS_MAX,
    cluster_name,
    included,
    limited,
    missing,
    name_in,
    names_in,
)
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes

PROVIDERS_DESCRIBED_MAX = 10


async def _created(
    context: Context, request: shapes.CreateCapacityProviderRequest, _: Outcome
) -> shapes.CreateCapacityProviderResponse:
    return shapes.CreateCapacityProviderResponse(capacity_provider=await _one(context, request.name))


async def _updated(
    context: Context, request: shapes.UpdateCapacityProviderRequest, _: Outcome
) -> shapes.UpdateCapacityProviderResponse:
    found = msgspec.structs.replace(await _one(context, request.name), update_status="UPDATE_IN_PROGRESS")
    return shapes.UpdateCapacityProviderResponse(capacity_provider=found)


async def _deleted(
    context: Context, request: shapes.DeleteCapacityProviderRequest, _: Outcome
) -> shapes.DeleteCapacityProviderResponse:
    """Answer before it is known what becomes of it, as ECS does; whoever asks next is told."""
    found = await _one(context, request.capacity_provider)
    begun = msgspec.structs.replace(
        found, status="ACTIVE", update_status="DELETE_IN_PROGRESS", update_status_reason=None
    )
    return shapes.DeleteCapacityProviderResponse(capacity_provider=begun)


async def _one(context: Context, reference: str | None) -> shapes.CapacityProvider:
    name = name_in(context, "capacity-provider", reference or "")
    return (await context.models.capacity_providers.describe(context.namespace, [name], ["TAGS"]))[name]


async def _describe(
    context: Context, request: shapes.DescribeCapacityProvidersRequest
) -> shapes.DescribeCapacityProvidersResponse:
    include = included(request.include, ("TAGS",))
    if request.capacity_providers:
        asked = limited(request.capacity_providers, "", IDENTIFIERS_MAX)
        names = names_in(context, "capacity-provider", asked)
    else:
        names = await context.models.capacity_providers.names(context.namespace)
    if request.cluster:
        names = await _associated(context, request.cluster, names)
    listed = slice_after(names, page(request, PROVIDERS_DESCRIBED_MAX, PROVIDERS_DESCRIBED_MAX))
    found = await context.models.capacity_providers.describe(context.namespace, listed.items, include)
    arn = context.namespace.capacity_provider_arn
    return shapes.DescribeCapacityProvidersResponse(
        capacity_providers=[found[name] for name in listed.items if name in found],
        failures=missing(arn(name) for name in listed.items if name not in found),
        next_token=next_token(request, listed),
    )


async def _associated(context: Context, reference: str, names: list[str]) -> list[str]:
    cluster = await cluster_name(context, reference)
    found = (await context.models.clusters.describe(context.namespace, [cluster]))[cluster]
    return [name for name in names if name in (found.capacity_providers or [])]


OPERATIONS: dict[str, Operation] = {
    "CreateCapacityProvider": Write(decide=core.create, answer=_created),
    "UpdateCapacityProvider": Write(decide=core.update, answer=_updated),
    "DeleteCapacityProvider": Write(decide=core.delete, answer=_deleted),
    "DescribeCapacityProviders": Read(read=_describe),
}
