"""Service query: what there is to ask about services, their deployments and messages."""

import sqlite3
from collections.abc import Collection, Mapping
from uuid import NAMESPACE_OID, uuid5

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace, service_revision_id
from quarterdeck.projections.models import cluster
from quarterdeck.projections.models.database import Database
from quarterdeck.projections.models.page import Listed, Page, listed
from quarterdeck.projections.models.service_deployment_query import current
from quarterdeck.projections.models.service_document import rolled_out
from quarterdeck.projections.models.service_event import MESSAGES_MAX
from quarterdeck.projections.models.task_set import task_sets

DESCRIBE = "SELECT number, doc FROM service WHERE cluster = ? AND name = ?"
DEPLOYMENTS = """
SELECT doc, completed, failure, stuck, updated_at, wanted, running, pending, failed, revision
FROM deployment WHERE service = ? AND NOT task_set ORDER BY number DESC
"""
MESSAGES = "SELECT number, at, message FROM service_event WHERE service = ? ORDER BY number DESC LIMIT ?"
LIST = """
SELECT number, name FROM service
WHERE cluster = :cluster AND status = 'ACTIVE' AND number > :after
  AND (:launch_type IS NULL OR launch_type = :launch_type)
  AND (:scheduling_strategy IS NULL OR scheduling_strategy = :scheduling_strategy)
ORDER BY number LIMIT :limit
"""

_doc = msgspec.json.Decoder(shapes.Service)
_deployment = msgspec.json.Decoder(shapes.Deployment)

DeploymentRow = tuple[bytes, bool, str | None, str | None, float, int, int, int, int, str]


class Services:
    """What there is to ask about services."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(
        self, namespace: Namespace, cluster: str, names: Collection[str], include: Collection[str] = ()
    ) -> dict[str, shapes.Service]:
        """Describe the newest service of each name, INACTIVE ones too; `include` knows TAGS."""
        return await self._database.read(_describe, str(namespace), cluster, tuple(names), tags="TAGS" in include)

    async def list(
        self,
        namespace: Namespace,
        cluster: str,
        page: Page,
        *,
        launch_type: str | None = None,
        scheduling_strategy: str | None = None,
    ) -> Listed:
        """List the ARNs of ACTIVE services in order of creation. Raises InvalidPage."""
        parameters = {
            "launch_type": launch_type,
            "scheduling_strategy": scheduling_strategy,
            "after": page.number(),
            "limit": page.limit + 1,
        }
        rows = await self._database.read(_list, str(namespace), cluster, parameters)
        return listed([(number, namespace.service_arn(cluster, name)) for number, name in rows], page.limit)


def _list(
    connection: sqlite3.Connection, namespace: str, name: str, parameters: Mapping[str, object]
) -> list[tuple[int, str]]:
    inside = cluster.number(connection, namespace, name)
    return connection.execute(LIST, {"cluster": inside, **parameters}).fetchall()


def _describe(
    connection: sqlite3.Connection, namespace: str, name: str, names: tuple[str, ...], *, tags: bool
) -> dict[str, shapes.Service]:
    inside = cluster.number(connection, namespace, name)
    found = {}
    for each in names:
        row = connection.execute(DESCRIBE, (inside, each)).fetchone()
        if row is not None:
            found[each] = _service(connection, *row, tags=tags)
    return found


def _service(connection: sqlite3.Connection, number: int, raw: bytes, *, tags: bool) -> shapes.Service:
    doc = _doc.decode(raw)
    rows = connection.execute(DEPLOYMENTS, (number,)).fetchall()
    deployments = [
        _described(row, "ACTIVE" if index else "PRIMARY", None if index else doc.desired_count)
        for index, row in enumerate(rows)
    ]
    external = doc.deployment_controller is not None and doc.deployment_controller.type == "EXTERNAL"
    sets = task_sets(connection, number, doc.desired_count or 0, tags=tags) if external else None
    counted: list[shapes.Deployment | shapes.TaskSet] = [*deployments, *(sets or [])]
    return msgspec.structs.replace(
        doc,
        running_count=sum(each.running_count or 0 for each in counted),
        pending_count=sum(each.pending_count or 0 for each in counted),
        deployments=deployments,
        task_sets=sets,
        current_service_deployment=current(connection, number),
        current_service_revisions=_revisions(doc, deployments, [row[-1] for row in rows]),
        events=[
            shapes.ServiceEvent(id=str(uuid5(NAMESPACE_OID, f"{doc.service_arn}/{key}")), created_at=at, message=text)
            for key, at, text in connection.execute(MESSAGES, (number, MESSAGES_MAX))
        ],
        tags=doc.tags if tags else [],
    )


def _revisions(
    doc: shapes.Service, deployments: list[shapes.Deployment], names: list[str]
) -> list[shapes.ServiceCurrentRevisionSummary]:
    prefix = (doc.service_arn or "").replace(":service/", ":service-revision/")
    return [
        shapes.ServiceCurrentRevisionSummary(
            arn=f"{prefix}/{service_revision_id(name)}",
            requested_task_count=each.desired_count,
            running_task_count=each.running_count,
            pending_task_count=each.pending_count,
        )
        for each, name in zip(deployments, names, strict=True)
    ]


def _described(row: DeploymentRow, status: str, desired_count: int | None) -> shapes.Deployment:
    raw, completed, failure, stuck, updated_at, wanted, running, pending, failed, _ = row
    doc = _deployment.decode(raw)
    return msgspec.structs.replace(
        rolled_out(doc, completed=completed, failure=failure, stuck=stuck),
        status=status,
        desired_count=wanted if desired_count is None else desired_count,
        running_count=running,
        pending_count=pending,
        failed_tasks=failed,
        updated_at=updated_at,
    )
