"""Task query: what there is to ask about tasks."""

import sqlite3
from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models import cluster
from quarterdeck.projections.models.database import Database
from quarterdeck.projections.models.page import Listed, Page, listed

STOPPED_LISTED_SECONDS = 3600.0
"""How long a stopped task is listed (spec §6.6)."""

DESCRIBE = """
SELECT task.doc, container_instance.connected
FROM task LEFT JOIN container_instance ON container_instance.number = task.container_instance
WHERE task.cluster = ? AND task.id = ?
"""

Index = Literal["all", "container_instance", "family", "service", "started_by"]

LISTS: dict[Index, str] = {
    "all": """
SELECT number, id FROM task
WHERE cluster = :cluster AND desired = :desired AND number > :after
  AND (:launch_type IS NULL OR launch_type = :launch_type) AND (stopped_at IS NULL OR stopped_at >= :stopped_after)
ORDER BY number LIMIT :limit
""",
    "container_instance": """
SELECT number, id FROM task
WHERE container_instance = (SELECT number FROM container_instance WHERE cluster = :cluster AND id = :container_instance)
  AND +desired = :desired AND number > :after
  AND (:launch_type IS NULL OR launch_type = :launch_type) AND (stopped_at IS NULL OR stopped_at >= :stopped_after)
  AND (:family IS NULL OR +family = :family) AND (:service IS NULL OR +service = :service)
  AND (:started_by IS NULL OR +started_by = :started_by)
ORDER BY number LIMIT :limit
""",
    "service": """
SELECT number, id FROM task
WHERE cluster = :cluster AND service = :service AND desired = :desired AND number > :after
  AND (:launch_type IS NULL OR launch_type = :launch_type) AND (stopped_at IS NULL OR stopped_at >= :stopped_after)
  AND (:family IS NULL OR +family = :family) AND (:started_by IS NULL OR +started_by = :started_by)
ORDER BY number LIMIT :limit
""",
    "started_by": """
SELECT number, id FROM task
WHERE cluster = :cluster AND started_by = :started_by AND desired = :desired AND number > :after
  AND (:launch_type IS NULL OR launch_type = :launch_type) AND (stopped_at IS NULL OR stopped_at >= :stopped_after)
  AND (:family IS NULL OR +family = :family)
ORDER BY number LIMIT :limit
""",
    "family": """
SELECT number, id FROM task
WHERE cluster = :cluster AND family = :family AND desired = :desired AND number > :after
  AND (:launch_type IS NULL OR launch_type = :launch_type) AND (stopped_at IS NULL OR stopped_at >= :stopped_after)
ORDER BY number LIMIT :limit
""",
}
"""By the filter that leaves fewest tasks, which the index is for; the others only sift."""

_doc = msgspec.json.Decoder(shapes.Task)


class Tasks:
    """What there is to ask about tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(
        self, namespace: Namespace, cluster: str, ids: Collection[str], include: Collection[str] = ()
    ) -> dict[str, shapes.Task]:
        """Describe those there are, stopped ones too for as long as they are kept; `include` knows TAGS."""
        return await self._database.read(_describe, str(namespace), cluster, tuple(ids), tags="TAGS" in include)

    async def list(  # noqa: PLR0913 - ECS's filters
        self,
        namespace: Namespace,
        cluster: str,
        page: Page,
        *,
        now: float,
        container_instance: str | None = None,
        family: str | None = None,
        service_name: str | None = None,
        started_by: str | None = None,
        launch_type: str | None = None,
        desired_status: str = "RUNNING",
    ) -> Listed:
        """List ARNs in order of creation; those that stopped, for an hour before `now`. Raises InvalidPage."""
        index = _index(container_instance, service_name, started_by, family)
        parameters: dict[str, object] = {
            "container_instance": container_instance,
            "service": service_name,
            "started_by": started_by,
            "family": family,
            "launch_type": launch_type,
            "desired": desired_status,
            "stopped_after": now - STOPPED_LISTED_SECONDS,
            "after": page.number(),
            "limit": page.limit + 1,
        }
        rows = await self._database.read(_list, str(namespace), cluster, LISTS[index], parameters)
        return listed([(number, namespace.task_arn(cluster, name)) for number, name in rows], page.limit)


def _index(
    container_instance: str | None, service_name: str | None, started_by: str | None, family: str | None
) -> Index:
    if container_instance is not None:
        return "container_instance"
    if service_name is not None:
        return "service"
    if started_by is not None:
        return "started_by"
    return "all" if family is None else "family"


def _list(
    connection: sqlite3.Connection, namespace: str, name: str, statement: str, parameters: Mapping[str, object]
) -> list[tuple[int, str]]:
    inside = cluster.number(connection, namespace, name)
    return connection.execute(statement, {"cluster": inside, **parameters}).fetchall()


def _describe(
    connection: sqlite3.Connection, namespace: str, name: str, ids: tuple[str, ...], *, tags: bool
) -> dict[str, shapes.Task]:
    inside = cluster.number(connection, namespace, name)
    found = {}
    for each in ids:
        row = connection.execute(DESCRIBE, (inside, each)).fetchone()
        if row is not None:
            found[each] = _task(*row, tags=tags)
    return found


def _task(raw: bytes, connected: int | None, *, tags: bool) -> shapes.Task:
    task = _doc.decode(raw)
    if task.connectivity is not None and connected == 0 and task.last_status != "STOPPED":
        task = msgspec.structs.replace(task, connectivity="DISCONNECTED")
    return task if tags or not task.tags else msgspec.structs.replace(task, tags=[])
