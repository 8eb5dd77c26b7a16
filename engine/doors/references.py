"""References: from what requests name to what the read models know, and what is missing told as ECS tells it."""

from collections.abc import Iterable

from quarterdeck.engine.core.errors import ClusterNotFoundException, InvalidParameterException
from quarterdeck.engine.core.turn import local_name
from quarterdeck.engine.doors.operation import Context
from quarterdeck.events.names import DEFAULT_CLUSTER
from quarterdeck.events.shapes import Failure

IDENTIFIERS_MAX = 100


async def cluster_name(context: Context, reference: str | None) -> str:
    """Find the ACTIVE cluster a request names, ``default`` if none. Raises ClusterNotFoundException."""
    name, status = await _found(context, reference)
    if status != "ACTIVE":
        raise ClusterNotFoundException("The referenced cluster was inactive.")
    return name


async def known_cluster(context: Context, reference: str | None) -> str:
    """Find the cluster a request names, ``default`` if none, deleted or not. Raises ClusterNotFoundException."""
    return (await _found(context, reference))[0]


async def _found(context: Context, reference: str | None) -> tuple[str, str]:
    name = name_in(context, "cluster", reference) if reference else DEFAULT_CLUSTER
    return name, await _status(context, name)


async def _status(context: Context, name: str) -> str:
    known = context.clusters.get((context.namespace, name))
    if known is not None:
        return known
    found = (await context.models.clusters.describe(context.namespace, [name])).get(name)
    if found is None:
        raise ClusterNotFoundException("Cluster not found.")
    status = context.clusters[context.namespace, name] = found.status or ""
    return status


def name_in(context: Context, kind: str, reference: str, cluster: str = "") -> str:
    """Take the name out of a reference, short or ARN."""
    if not reference.startswith("arn:"):
        return reference
    return local_name(context.namespace, kind, reference, cluster)


def names_in(context: Context, kind: str, references: Iterable[str], cluster: str = "") -> list[str]:
    """Take the names out of references, each once."""
    return list(dict.fromkeys(name_in(context, kind, each, cluster) for each in references))


def limited(identifiers: list[str] | None, empty: str, most: int = IDENTIFIERS_MAX) -> list[str]:
    """Refuse none, with ECS's text, and too many."""
    if not identifiers:
        raise InvalidParameterException(empty)
    if len(identifiers) > most:
        raise InvalidParameterException(f"At most {most} identifiers can be described at once, not {len(identifiers)}.")
    return identifiers


def missing(arns: Iterable[str]) -> list[Failure]:
    """Tell which of the things asked for there are not."""
    return [Failure(arn=arn, reason="MISSING") for arn in arns]


def included(include: list[str] | None, allowed: tuple[str, ...]) -> list[str]:
    """Refuse what can't be included."""
    for each in include or []:
        if each not in allowed:
            raise InvalidParameterException(f"include should be one of [{', '.join(allowed)}]")
    return include or []
