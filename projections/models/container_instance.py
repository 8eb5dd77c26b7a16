"""Container instance: its read model."""

import sqlite3
from collections.abc import Callable, Collection, Mapping

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AgentLost,
    Capacity,
    ContainerInstanceDeregistered,
    ContainerInstanceEvent,
    ContainerInstanceRegistered,
    ContainerInstanceReregistered,
    ContainerInstanceStatusChanged,
)
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models import cluster
from quarterdeck.projections.models.container_instance_document import (
    architecture,
    health,
    registered_instance,
    resources,
)
from quarterdeck.projections.models.container_instance_filter import Facts, matching
from quarterdeck.projections.models.database import Database
from quarterdeck.projections.models.page import Listed, Page, listed

SCHEMA = """
CREATE TABLE container_instance (
    number INTEGER PRIMARY KEY, cluster INTEGER NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL,
    connected INTEGER NOT NULL, connected_at REAL, host TEXT NOT NULL, architecture TEXT NOT NULL,
    capacity BLOB NOT NULL, doc BLOB NOT NULL
);
CREATE UNIQUE INDEX container_instance_id ON container_instance (cluster, id);
CREATE INDEX container_instance_status ON container_instance (cluster, status);
CREATE INDEX container_instance_present ON container_instance (cluster) WHERE status <> 'INACTIVE';
CREATE INDEX container_instance_host ON container_instance (cluster, host);
CREATE TABLE container_instance_count (
    container_instance INTEGER PRIMARY KEY, version INTEGER NOT NULL, running INTEGER NOT NULL,
    pending INTEGER NOT NULL, cpu INTEGER NOT NULL, memory INTEGER NOT NULL
);
"""
"""Counts, of which ``cpu`` and ``memory`` are what is taken, change often: so they have narrow rows of their own."""

TABLES = ("container_instance", "container_instance_count")

FORGET = (
    """
DELETE FROM container_instance_count
WHERE container_instance IN (SELECT number FROM container_instance WHERE cluster = ?)
""",
    "DELETE FROM container_instance WHERE cluster = ?",
)
FIND = "SELECT number, architecture FROM container_instance WHERE cluster = ? AND id = ?"
INSERT = """
INSERT INTO container_instance (number, cluster, id, status, connected, host, architecture, capacity, doc)
VALUES (?, ?, ?, 'ACTIVE', FALSE, ?, ?, ?, ?)
"""
BEGIN = """
INSERT INTO container_instance_count (container_instance, version, running, pending, cpu, memory)
VALUES (?, 1, 0, 0, 0, 0)
"""
DOC = "SELECT doc FROM container_instance WHERE number = ?"
REREGISTERED = "UPDATE container_instance SET architecture = ?, capacity = ?, doc = ? WHERE number = ?"
STATUS = "UPDATE container_instance SET status = ? WHERE number = ?"
DEREGISTERED = "UPDATE container_instance SET status = 'INACTIVE', connected = FALSE WHERE number = ?"
CONNECTED = "UPDATE container_instance SET connected = ?, connected_at = ? WHERE number = ?"
COUNTED = """
UPDATE container_instance_count
SET version = version + ?, running = running + ?, pending = pending + ?, cpu = cpu + ?, memory = memory + ?
WHERE container_instance = ?
"""

DESCRIBE = """
SELECT number, status, connected, connected_at, host, capacity, doc, version, running, pending, cpu, memory
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

Row = tuple[int, str, bool, float | None, str, bytes, bytes, int, int, int, int, int]

_doc = msgspec.json.Decoder(shapes.ContainerInstance)
_capacity = msgspec.json.Decoder(Capacity)
_ports = msgspec.json.Decoder(tuple[list[int], list[int]])


class Reference(msgspec.Struct, frozen=True):
    """An instance as its tasks refer to it."""

    number: int
    architecture: str


class Fold:
    """How events change instances. What has been looked up is kept: start another after a failure."""

    def __init__(self, connection: sqlite3.Connection, clusters: cluster.Fold) -> None:
        self._connection = connection
        self._clusters = clusters
        self._known: dict[tuple[int, str], Reference] = {}
        self._counts: dict[int, list[int]] = {}

    def find(self, cluster: int, name: str) -> Reference:
        """Look up an instance, which must exist."""
        found = self._known.get((cluster, name))
        if found is None:
            row = self._connection.execute(FIND, (cluster, name)).fetchone()
            found = self._known[cluster, name] = Reference(*row)
        return found

    def registered(self, event: ContainerInstanceRegistered, commit: Commit, number: int) -> None:
        """Add an instance: ACTIVE, its agent not connected yet."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        doc = registered_instance(inside.scope, commit.at, event)
        reference = Reference(number, architecture(event.attributes))
        self._known[inside.number, event.container_instance] = reference
        row = (number, inside.number, event.container_instance, event.host or event.container_instance)
        docs = (msgspec.json.encode(event.capacity), msgspec.json.encode(doc))
        self._connection.execute(INSERT, (*row, reference.architecture, *docs))
        self._connection.execute(BEGIN, (number,))

    def reregistered(self, event: ContainerInstanceReregistered, commit: Commit, _number: int) -> None:
        """Take over what a restarted agent says of its instance; what tasks hold stays held."""
        number = self.changed(event, commit)
        (raw,) = self._connection.execute(DOC, (number,)).fetchone()
        before = _doc.decode(raw)
        doc = msgspec.structs.replace(
            before,
            attributes=event.attributes,
            registered_resources=resources(event.capacity),
            version_info=event.version_info or before.version_info,
        )
        known = architecture(event.attributes)
        inside = self._clusters.find(commit.namespace, event.cluster)
        self._known[inside.number, event.container_instance] = Reference(number, known)
        docs = (msgspec.json.encode(event.capacity), msgspec.json.encode(doc))
        self._connection.execute(REREGISTERED, (known, *docs, number))

    def status_changed(self, event: ContainerInstanceStatusChanged, commit: Commit, _number: int) -> None:
        """Set ACTIVE or DRAINING."""
        self._connection.execute(STATUS, (event.status, self.changed(event, commit)))

    def deregistered(self, event: ContainerInstanceDeregistered, commit: Commit, _number: int) -> None:
        """Make an instance INACTIVE."""
        self._connection.execute(DEREGISTERED, (self.changed(event, commit),))

    def connected(self, event: AgentConnected, commit: Commit, _number: int) -> None:
        """Note that the agent is there."""
        self._connection.execute(CONNECTED, (True, commit.at, self.changed(event, commit)))

    def disconnected(self, event: AgentDisconnected, commit: Commit, _number: int) -> None:
        """Note that the agent is gone."""
        self._connection.execute(CONNECTED, (False, commit.at, self.changed(event, commit)))

    def lost(self, event: AgentLost, commit: Commit, _number: int) -> None:
        """Count the version: that the agent is gone is known, and what follows from it is other events."""
        self.changed(event, commit)

    def count(self, number: int, changes: tuple[int, int, int, int, int]) -> None:
        """Add to version, tasks running and pending, CPU units and MiB taken."""
        held = self._counts.get(number)
        self._counts[number] = [a + b for a, b in zip(held, changes, strict=True)] if held else list(changes)

    def flush(self) -> None:
        """Write the counts."""
        self._connection.executemany(COUNTED, [(*counts, number) for number, counts in self._counts.items()])
        self._counts.clear()

    def changed(self, event: ContainerInstanceEvent, commit: Commit) -> int:
        """Count the version of the instance an event changes; gives its number."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        number = self.find(inside.number, event.container_instance).number
        self.count(number, (1, 0, 0, 0, 0))
        return number


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
    _, status, connected, connected_at, host, capacity, raw, version, running, pending, cpu, memory = row
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
        health_status=health(doc, connected_at, connected=bool(connected))
        if "CONTAINER_INSTANCE_HEALTH" in include
        else None,
    )
