"""Tag: whose tags its events change in the live view."""

from collections.abc import Sequence

from quarterdeck.events.names import Arn, parse_arn
from quarterdeck.events.shapes import Tag
from quarterdeck.events.tag import ResourceTagged, ResourceUntagged
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.states import (
    CapacityProviderState,
    ClusterState,
    DefinitionState,
    NamespaceState,
    ServiceState,
    TaskSetState,
    TaskState,
)

Tagged = (
    ClusterState | CapacityProviderState | DefinitionState | InstanceState | ServiceState | TaskSetState | TaskState
)


def tagged(namespace: NamespaceState, event: ResourceTagged, _at: float) -> None:
    """Add tags."""
    found = _find(namespace, event.resource)
    if found is not None:
        found.tags = with_tags(found.tags, event.tags)


def untagged(namespace: NamespaceState, event: ResourceUntagged, _at: float) -> None:
    """Take tags away."""
    found = _find(namespace, event.resource)
    if found is not None:
        found.tags = without_tags(found.tags, event.keys)


def with_tags(tags: Sequence[Tag], added: Sequence[Tag]) -> list[Tag]:
    """Add tags to tags; the last of a key wins, in the place of the first."""
    return list({each.key: each for each in (*tags, *added)}.values())


def without_tags(tags: Sequence[Tag], keys: Sequence[str]) -> list[Tag]:
    """Take the tags of some keys away."""
    return [each for each in tags if each.key not in keys]


def resource(namespace: NamespaceState, arn: Arn) -> Tagged | None:
    """Find what an ARN names, INACTIVE things and tasks that STOPPED lately too; None if there is nothing."""
    name = arn.path[-1]
    match arn.kind:
        case "cluster":
            return namespace.clusters.get(name)
        case "capacity-provider":
            return namespace.capacity_providers.get(name)
        case "task-definition":
            family, _, revision = name.rpartition(":")
            known = namespace.families.get(family)
            return known.revisions.get(int(revision)) if known and revision.isdecimal() else None
        case _:
            cluster = namespace.clusters.get(arn.path[0])
            return _inside(cluster, arn) if cluster is not None else None


def _inside(cluster: ClusterState, arn: Arn) -> Tagged | None:
    name = arn.path[-1]
    match arn.kind:
        case "container-instance":
            return cluster.instances.get(name)
        case "service":
            return cluster.services.get(name)
        case "task":
            return cluster.tasks.get(name)
        case "task-set":
            service = cluster.services.get(arn.path[1])
            return service.task_set("/".join(arn.path[2:])) if service is not None else None
        case _:
            return None


def _find(namespace: NamespaceState, resource_arn: str) -> Tagged | None:
    """Find a resource; a stopped task may be forgotten by the time its event is folded again."""
    arn = parse_arn(resource_arn)
    return resource(namespace, arn) if arn is not None else None
