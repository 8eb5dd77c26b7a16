"""Overview: clusters, container instances and services in one look, put together from Describe and List."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.names import short_name

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient

DESCRIBED_MAX = 100
SERVICES_DESCRIBED_MAX = 10
ZONE = "ecs.availability-zone"


class InstanceOverview(msgspec.Struct, frozen=True, rename="camel"):
    """A container instance."""

    id: str
    zone: str
    status: str
    agent_connected: bool
    running: int
    pending: int


class ServiceOverview(msgspec.Struct, frozen=True, rename="camel"):
    """A service."""

    name: str
    status: str
    desired: int
    running: int
    pending: int
    task_definition: str


class ClusterOverview(msgspec.Struct, frozen=True, rename="camel"):
    """A cluster and what is in it."""

    name: str
    status: str
    running: int
    pending: int
    instances: list[InstanceOverview]
    services: list[ServiceOverview]


class Overview(msgspec.Struct, frozen=True, rename="camel"):
    """All of it, and the position of the log it was looked at."""

    sequence: int
    epoch: int
    clusters: list[ClusterOverview]


async def look(client: "RemoteClient") -> Overview:
    """Look at everything. Raises Refusal, Unreachable."""
    about = await client.about()
    arns = await pages(lambda token: client.list_clusters(next_token=token), "cluster_arns")
    clusters: list[ClusterOverview] = []
    for part in chunks(arns, DESCRIBED_MAX):
        described = await client.describe_clusters(clusters=part)
        clusters += [await _cluster(client, each) for each in described.clusters or []]
    return Overview(max(client.sequence, about.sequence), about.epoch, clusters)


async def pages(ask: Callable[[str | None], Awaitable[msgspec.Struct]], member: str) -> list[str]:
    """Ask page by page for a list of names. Raises Refusal, Unreachable."""
    found: list[str] = []
    token: str | None = None
    while True:
        page = await ask(token)
        found += getattr(page, member) or []
        token = getattr(page, "next_token", None)
        if not token:
            return found


async def _cluster(client: "RemoteClient", found: shapes.Cluster) -> ClusterOverview:
    name = found.cluster_name or ""
    return ClusterOverview(
        name=name,
        status=found.status or "",
        running=found.running_tasks_count or 0,
        pending=found.pending_tasks_count or 0,
        instances=await _instances(client, name),
        services=await _services(client, name),
    )


async def _instances(client: "RemoteClient", cluster: str) -> list[InstanceOverview]:
    arns = await pages(
        lambda token: client.list_container_instances(cluster=cluster, next_token=token), "container_instance_arns"
    )
    found: list[InstanceOverview] = []
    for part in chunks(arns, DESCRIBED_MAX):
        described = await client.describe_container_instances(cluster=cluster, container_instances=part)
        found += [_instance(each) for each in described.container_instances or []]
    return sorted(found, key=lambda each: (each.zone, each.id))


def _instance(found: shapes.ContainerInstance) -> InstanceOverview:
    zones = [each.value for each in found.attributes or [] if each.name == ZONE]
    return InstanceOverview(
        id=short_name(found.container_instance_arn or ""),
        zone=(zones[0] if zones else None) or "",
        status=found.status or "",
        agent_connected=bool(found.agent_connected),
        running=found.running_tasks_count or 0,
        pending=found.pending_tasks_count or 0,
    )


async def _services(client: "RemoteClient", cluster: str) -> list[ServiceOverview]:
    arns = await pages(lambda token: client.list_services(cluster=cluster, next_token=token), "service_arns")
    found: list[ServiceOverview] = []
    for part in chunks(arns, SERVICES_DESCRIBED_MAX):
        described = await client.describe_services(cluster=cluster, services=part)
        found += [_service(each) for each in described.services or []]
    return sorted(found, key=lambda each: each.name)


def _service(found: shapes.Service) -> ServiceOverview:
    return ServiceOverview(
        name=found.service_name or "",
        status=found.status or "",
        desired=found.desired_count or 0,
        running=found.running_count or 0,
        pending=found.pending_count or 0,
        task_definition=short_name(found.task_definition or ""),
    )


def chunks(items: Sequence[str], size: int) -> list[Sequence[str]]:
    """Cut a list into parts an operation takes at once."""
    return [items[start : start + size] for start in range(0, len(items), size)]
