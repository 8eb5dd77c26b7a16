"""Container instance query: what there is to ask about container instances."""

import sqlite3
from collections.abc import Callable, Collection, Mapping

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.container_instance import Capacity
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models import cluster
from quarterdeck.projections.models.container_instance_document import Runtime, health, resources
from quarterdeck.projections.models.container_instance_filter import Facts, matching
from quarterdeck.projections.models.database import Database
from quarterdeck.projections.models.page import Listed, Page, listed

DESCRIBE = """
SELECT number, status, connected, connected_at, runtime, runtime_at, runtime_reason, host,
    capacity, doc, version, running, pending, cpu, memory
FROM container_instance JOIN container_instance_count ON container_instance = number
WHERE cluster = ? AND id = ?
"""
PORTS = """
SELECT task.ports FROM container_instance AS sharer JOIN task ON task.container_instance = sharer.number
WHERE sharer.cluster = ? AND sharer.host = ? AND task.ports IS NOT NULL
"""
LIST = """
SELECT number, id FROM container_instance
WHERE cluster = :cluster AND status <> 'INACTIVE' AND number > :after ORDER BY number LIMIT :limit
"""
LIST_BY_STATUS = """
SELECT number, id FROM container_instance
WHERE cluster = :cluster AND status = :status AND number > :after ORDER BY number LIMIT :limit
"""

Row = tuple[int, str, bool, float | None, str, float | None, str, str, bytes, bytes, int, int, int, int, int]

_doc = msgspec.json.Decoder(shapes.ContainerInstance)
_capacity = msgspec.json.Decoder(Capacity)
_ports = msgspec.json.Decoder(tuple[list[int], list[int]])


class ContainerInstances:
    """What there is to ask about container instances."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(
        self, namespace: Namespace, cluster: str, ids: Collection[str], include: Collection[str] = ()
    ) -> dict[str, shapes.ContainerInstance]:
        """Describe those there are, INACTIVE ones too; `include` as in DescribeContainerInstances (spec §2.7)."""
        return await self._database.read(_describe, str(namespace), cluster, tuple(ids), frozenset(include))

    async def list(
        self,
        namespace: Namespace,
        cluster: str,
        page: Page,
        *,
        status: str | None = None,
        test: Callable[[Facts], bool] | None = None,
    ) -> Listed:
        """List ARNs in order of registration; all but INACTIVE ones if not asked for a status. Raises InvalidPage.

        With a test, only those that it is true of.
        """
        parameters = {"status": status, "after": page.number(), "limit": page.limit + 1}
        if test is None:
            rows = await self._database.read(_list, str(namespace), cluster, parameters)
        else:
            rows = await self._database.read(matching, str(namespace), cluster, parameters, test)
        return listed([(number, namespace.container_instance_arn(cluster, name)) for number, name in rows], page.limit)


def _list(
    connection: sqlite3.Connection, namespace: str, name: str, parameters: Mapping[str, object]
) -> list[tuple[int, str]]:
    inside = cluster.number(connection, namespace, name)
    statement = LIST if parameters["status"] is None else LIST_BY_STATUS
    return connection.execute(statement, {"cluster": inside, **parameters}).fetchall()


def _describe(
    connection: sqlite3.Connection, namespace: str, name: str, ids: tuple[str, ...], include: frozenset[str]
) -> dict[str, shapes.ContainerInstance]:
    inside = cluster.number(connection, namespace, name)
    found = {}
    for each in ids:
        row = connection.execute(DESCRIBE, (inside, each)).fetchone()
        if row is not None:
            found[each] = _instance(connection, inside, row, include)
    return found


def _instance(
    connection: sqlite3.Connection, inside: int | None, row: Row, include: frozenset[str]
) -> shapes.ContainerInstance:
    (
        _,
        status,
        connected,
        connected_at,
        unwell,
        unwell_at,
        why,
        host,
        capacity,
        raw,
        version,
        running,
        pending,
        cpu,
        memory,
    ) = row
    doc = _doc.decode(raw)
    taken = [_ports.decode(ports) for (ports,) in connection.execute(PORTS, (inside, host))]
    tcp = {port for ports, _ in taken for port in ports}
    udp = {port for _, ports in taken for port in ports}
    return msgspec.structs.replace(
        doc,
        version=version,
        remaining_resources=resources(_capacity.decode(capacity), cpu, memory, tcp, udp),
        status=status,
        agent_connected=bool(connected),
        running_tasks_count=running,
        pending_tasks_count=pending,
        tags=doc.tags if "TAGS" in include else [],
        health_status=health(doc, connected_at, Runtime(unwell, unwell_at, why), connected=bool(connected))
        if "CONTAINER_INSTANCE_HEALTH" in include
        else None,
    )
