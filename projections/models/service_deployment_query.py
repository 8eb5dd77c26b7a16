"""Service deployment query: what there is to ask about service deployments and revisions."""

import sqlite3
from collections.abc import Collection, Mapping

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models import cluster
from quarterdeck.projections.models.database import Database
from quarterdeck.projections.models.page import Listed, Page

DESCRIBE = """
SELECT service_deployment.service, service_deployment.doc
FROM service_deployment JOIN service ON service.number = service_deployment.service
WHERE service_deployment.cluster = ? AND service.name = ? AND service_deployment.id = ?
"""
REVISION = """
SELECT service_revision.doc FROM service_revision JOIN service ON service.number = service_revision.service
WHERE service_revision.cluster = ? AND service.name = ? AND service_revision.id = ?
"""
LIST = """
SELECT service_deployment.number, service_deployment.status, service_deployment.doc
FROM service_deployment JOIN service ON service.number = service_deployment.service
WHERE service_deployment.cluster = :cluster AND service.name = :service
  AND (:before_number IS NULL OR service_deployment.number < :before_number)
  AND (:after IS NULL OR created_at >= :after) AND (:before IS NULL OR created_at <= :before)
ORDER BY service_deployment.number DESC
"""
COUNTS = """
SELECT revision, sum(wanted), sum(running), sum(pending) FROM deployment
WHERE service = ? AND NOT task_set GROUP BY revision
"""
CURRENT = "SELECT doc FROM service_deployment WHERE service = ? ORDER BY number DESC LIMIT 1"

Place = tuple[str, str, str]
"""Cluster, service, identifier: the path of an ARN."""

_doc = msgspec.json.Decoder(shapes.ServiceDeployment)
_revision = msgspec.json.Decoder(shapes.ServiceRevision)


class Briefs(msgspec.Struct, frozen=True):
    """One page of service deployments in brief."""

    items: list[shapes.ServiceDeploymentBrief]
    listed: Listed


class ServiceDeployments:
    """What there is to ask about service deployments and revisions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(self, namespace: Namespace, places: Collection[Place]) -> dict[Place, shapes.ServiceDeployment]:
        """Describe the service deployments there are."""
        return await self._database.read(_describe, str(namespace), tuple(places))

    async def revisions(self, namespace: Namespace, places: Collection[Place]) -> dict[Place, shapes.ServiceRevision]:
        """Describe the service revisions there are."""
        return await self._database.read(_revisions, str(namespace), tuple(places))

    async def list(
        self,
        namespace: Namespace,
        cluster: str,
        service: str,
        page: Page,
        *,
        status: Collection[str] = (),
        created: shapes.CreatedAt | None = None,
    ) -> Briefs:
        """List a service's deployments in brief, the newest first. Raises InvalidPage."""
        parameters = {
            "service": service,
            "before_number": page.number() if page.after is not None else None,
            "after": created.after if created is not None else None,
            "before": created.before if created is not None else None,
        }
        return await self._database.read(_list, (str(namespace), cluster), parameters, frozenset(status), page.limit)


def current(connection: sqlite3.Connection, service: int) -> str | None:
    """Name the service deployment under way, or the last one."""
    row = connection.execute(CURRENT, (service,)).fetchone()
    return None if row is None else _doc.decode(row[0]).service_deployment_arn


def _describe(
    connection: sqlite3.Connection, namespace: str, places: tuple[Place, ...]
) -> dict[Place, shapes.ServiceDeployment]:
    found = {}
    for name, service, identity in places:
        inside = cluster.number(connection, namespace, name)
        row = connection.execute(DESCRIBE, (inside, service, identity)).fetchone()
        if row is not None:
            found[name, service, identity] = _counted(connection, row[0], _doc.decode(row[1]))
    return found


def _counted(connection: sqlite3.Connection, service: int, doc: shapes.ServiceDeployment) -> shapes.ServiceDeployment:
    counts = {
        revision.rpartition("/")[2]: numbers for revision, *numbers in connection.execute(COUNTS, (service,)).fetchall()
    }
    target = doc.target_service_revision or shapes.ServiceRevisionSummary()
    return msgspec.structs.replace(
        doc,
        source_service_revisions=[_summary(each, counts) for each in doc.source_service_revisions or []],
        target_service_revision=_summary(target, counts),
    )


def _summary(held: shapes.ServiceRevisionSummary, counts: Mapping[str, list[int]]) -> shapes.ServiceRevisionSummary:
    wanted, running, pending = counts.get((held.arn or "").rpartition("/")[2], (0, 0, 0))
    return msgspec.structs.replace(
        held, requested_task_count=wanted, running_task_count=running, pending_task_count=pending
    )


def _revisions(
    connection: sqlite3.Connection, namespace: str, places: tuple[Place, ...]
) -> dict[Place, shapes.ServiceRevision]:
    found = {}
    for name, service, identity in places:
        inside = cluster.number(connection, namespace, name)
        row = connection.execute(REVISION, (inside, service, identity)).fetchone()
        if row is not None:
            found[name, service, identity] = _revision.decode(row[0])
    return found


def _list(
    connection: sqlite3.Connection,
    place: tuple[str, str],
    parameters: Mapping[str, object],
    status: frozenset[str],
    limit: int,
) -> Briefs:
    inside = cluster.number(connection, *place)
    rows = []
    for number, held, raw in connection.execute(LIST, {"cluster": inside, **parameters}):
        if not status or held in status:
            rows.append((number, _doc.decode(raw)))
        if len(rows) > limit:
            break
    items = [_brief(doc) for _, doc in rows[:limit]]
    after = str(rows[limit - 1][0]) if len(rows) > limit else None
    return Briefs(items, Listed([each.service_deployment_arn or "" for each in items], after))


def _brief(doc: shapes.ServiceDeployment) -> shapes.ServiceDeploymentBrief:
    target = doc.target_service_revision
    return shapes.ServiceDeploymentBrief(
        service_deployment_arn=doc.service_deployment_arn,
        service_arn=doc.service_arn,
        cluster_arn=doc.cluster_arn,
        started_at=doc.started_at,
        created_at=doc.created_at,
        finished_at=doc.finished_at,
        target_service_revision_arn=target.arn if target is not None else None,
        status=doc.status,
        status_reason=doc.status_reason,
    )
