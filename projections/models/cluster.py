"""Cluster: its read model."""

import sqlite3
from collections.abc import Collection

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.base import ClusterEvent
from quarterdeck.events.cluster import (
    ClusterCapacityProvidersChanged,
    ClusterCreated,
    ClusterDeleted,
    ClusterUpdated,
)
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models.database import Database
from quarterdeck.projections.models.page import Listed, Page, listed

SCHEMA = """
CREATE TABLE cluster (
    number INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, doc BLOB NOT NULL
);
CREATE UNIQUE INDEX cluster_name ON cluster (namespace, name);
CREATE INDEX cluster_status ON cluster (namespace, status);
CREATE TABLE cluster_count (
    cluster INTEGER NOT NULL, launch_type TEXT NOT NULL,
    running INTEGER NOT NULL, pending INTEGER NOT NULL,
    PRIMARY KEY (cluster, launch_type)
) WITHOUT ROWID;
"""
"""Everything inside a cluster refers to it by `number`; one that begins anew has another, and nothing inside."""

TABLES = ("cluster", "cluster_count")

FIND = "SELECT number FROM cluster WHERE namespace = ? AND name = ?"
INSERT = "INSERT INTO cluster (number, namespace, name, status, doc) VALUES (?, ?, ?, 'ACTIVE', ?)"
FORGET = ("DELETE FROM cluster_count WHERE cluster = ?", "DELETE FROM cluster WHERE number = ?")
DOC = "SELECT doc FROM cluster WHERE number = ?"
UPDATE = "UPDATE cluster SET doc = ? WHERE number = ?"
DELETED = "UPDATE cluster SET status = 'INACTIVE' WHERE number = ?"
COUNTED = """
INSERT INTO cluster_count (cluster, launch_type, running, pending) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET running = running + excluded.running, pending = pending + excluded.pending
"""

DESCRIBE = "SELECT number, status, doc FROM cluster WHERE namespace = ? AND name = ?"
TASK_COUNTS = "SELECT launch_type, running, pending FROM cluster_count WHERE cluster = ?"
SERVICE_COUNTS = "SELECT launch_type, status, count(*) FROM service WHERE cluster = ? GROUP BY status, launch_type"
INSTANCE_COUNT = "SELECT count(*) FROM container_instance WHERE cluster = ? AND status <> 'INACTIVE'"
LIST = """
SELECT number, name FROM cluster
WHERE namespace = ? AND status = 'ACTIVE' AND number > ? ORDER BY number LIMIT ?
"""

_doc = msgspec.json.Decoder(shapes.Cluster)


def number(connection: sqlite3.Connection, namespace: str, name: str) -> int | None:
    """Look up a cluster's number, if there is one."""
    row = connection.execute(FIND, (namespace, name)).fetchone()
    return row and int(row[0])


class Reference(msgspec.Struct, frozen=True):
    """A cluster as other nouns refer to it."""

    number: int
    name: str
    scope: Namespace


def created_cluster(namespace: Namespace, event: ClusterCreated) -> shapes.Cluster:
    """Describe a new cluster, as CreateCluster answers: with everything that can be included."""
    return shapes.Cluster(
        cluster_arn=namespace.cluster_arn(event.cluster),
        cluster_name=event.cluster,
        configuration=event.configuration,
        status="ACTIVE",
        registered_container_instances_count=0,
        running_tasks_count=0,
        pending_tasks_count=0,
        active_services_count=0,
        statistics=[],
        tags=event.tags,
        settings=event.settings,
        capacity_providers=event.capacity_providers,
        default_capacity_provider_strategy=event.default_capacity_provider_strategy,
        service_connect_defaults=_connect_defaults(event.service_connect_defaults),
    )


def _connect_defaults(
    given: shapes.ClusterServiceConnectDefaultsRequest | None,
) -> shapes.ClusterServiceConnectDefaults | None:
    """Echo the namespace; an empty one is none (spec §3.3)."""
    return shapes.ClusterServiceConnectDefaults(namespace=given.namespace) if given and given.namespace else None


class Fold:
    """How events change clusters. What has been looked up is kept: start another after a transaction failed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], Reference] = {}
        self._counts: dict[tuple[int, str], list[int]] = {}

    def find(self, namespace: str, name: str) -> Reference:
        """Look up a cluster, which must exist."""
        key = (namespace, name)
        found = self._known.get(key)
        if found is None:
            inside = number(self._connection, *key)
            assert inside is not None
            found = self._known[key] = Reference(inside, name, Namespace.parse(namespace))
        return found

    def created(self, event: ClusterCreated, commit: Commit, number: int) -> None:
        """Begin a cluster, empty."""
        scope = commit.scope()
        self._known[commit.namespace, event.cluster] = Reference(number, event.cluster, scope)
        doc = msgspec.json.encode(created_cluster(scope, event))
        self._connection.execute(INSERT, (number, commit.namespace, event.cluster, doc))

    def updated(self, event: ClusterUpdated, commit: Commit, _number: int) -> None:
        """Change what the caller changed."""
        number, doc = self._load(event, commit)
        defaults = event.service_connect_defaults
        changed = msgspec.structs.replace(
            doc,
            settings=doc.settings if event.settings is None else event.settings,
            configuration=event.configuration or doc.configuration,
            service_connect_defaults=_connect_defaults(defaults) if defaults else doc.service_connect_defaults,
        )
        self._connection.execute(UPDATE, (msgspec.json.encode(changed), number))

    def capacity_providers_changed(self, event: ClusterCapacityProvidersChanged, commit: Commit, _number: int) -> None:
        """Replace the capacity providers and the default strategy."""
        number, doc = self._load(event, commit)
        changed = msgspec.structs.replace(
            doc,
            capacity_providers=event.capacity_providers,
            default_capacity_provider_strategy=event.default_capacity_provider_strategy,
        )
        self._connection.execute(UPDATE, (msgspec.json.encode(changed), number))

    def deleted(self, event: ClusterDeleted, commit: Commit, _number: int) -> None:
        """Make a cluster INACTIVE."""
        self._connection.execute(DELETED, (self.find(commit.namespace, event.cluster).number,))

    def count(self, cluster: int, launch_type: str, running: int, pending: int) -> None:
        """Add to the tasks that run and are pending."""
        held = self._counts.setdefault((cluster, launch_type), [0, 0])
        held[0] += running
        held[1] += pending

    def flush(self) -> None:
        """Write the counts."""
        changes = [(*key, *counts) for key, counts in self._counts.items() if counts != [0, 0]]
        self._connection.executemany(COUNTED, changes)
        self._counts.clear()

    def _load(self, event: ClusterEvent, commit: Commit) -> tuple[int, shapes.Cluster]:
        number = self.find(commit.namespace, event.cluster).number
        (raw,) = self._connection.execute(DOC, (number,)).fetchone()
        return number, _doc.decode(raw)


class Clusters:
    """What there is to ask about clusters."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(
        self, namespace: Namespace, names: Collection[str], include: Collection[str] = ()
    ) -> dict[str, shapes.Cluster]:
        """Describe those there are, INACTIVE ones too; `include` as in DescribeClusters (spec §3.1)."""
        return await self._database.read(_describe, str(namespace), tuple(names), frozenset(include))

    async def list(self, namespace: Namespace, page: Page) -> Listed:
        """List the ARNs of ACTIVE clusters in order of creation. Raises InvalidPage."""
        rows = await self._database.read(_list, (str(namespace), page.number(), page.limit + 1))
        return listed([(number, namespace.cluster_arn(name)) for number, name in rows], page.limit)


def _list(connection: sqlite3.Connection, parameters: tuple[str, int, int]) -> list[tuple[int, str]]:
    return connection.execute(LIST, parameters).fetchall()


def _describe(
    connection: sqlite3.Connection, namespace: str, names: tuple[str, ...], include: frozenset[str]
) -> dict[str, shapes.Cluster]:
    found = {}
    for name in names:
        row = connection.execute(DESCRIBE, (namespace, name)).fetchone()
        if row is not None:
            found[name] = _cluster(connection, row, include)
    return found


def _cluster(connection: sqlite3.Connection, row: tuple[int, str, bytes], include: frozenset[str]) -> shapes.Cluster:
    number, status, raw = row
    doc = _doc.decode(raw)
    tasks = connection.execute(TASK_COUNTS, (number,)).fetchall()
    services = connection.execute(SERVICE_COUNTS, (number,)).fetchall()
    (instances,) = connection.execute(INSTANCE_COUNT, (number,)).fetchone()
    return msgspec.structs.replace(
        doc,
        status=status,
        registered_container_instances_count=instances,
        running_tasks_count=sum(running for _, running, _ in tasks),
        pending_tasks_count=sum(pending for _, _, pending in tasks),
        active_services_count=sum(count for _, state, count in services if state == "ACTIVE"),
        statistics=_statistics(tasks, services) if "STATISTICS" in include else [],
        tags=doc.tags if "TAGS" in include else [],
        settings=doc.settings if "SETTINGS" in include else [],
        configuration=doc.configuration if "CONFIGURATIONS" in include else None,
        attachments=[] if "ATTACHMENTS" in include else None,
    )


def _statistics(tasks: list[tuple[str, int, int]], services: list[tuple[str, str, int]]) -> list[shapes.KeyValuePair]:
    running = {kind: count for kind, count, _ in tasks}
    pending = {kind: count for kind, _, count in tasks}
    serving = {(kind, state): count for kind, state, count in services}
    kinds = (("EC2", "EC2"), ("Fargate", "FARGATE"))
    values = {
        **{f"running{label}TasksCount": running.get(kind, 0) for label, kind in kinds},
        **{f"pending{label}TasksCount": pending.get(kind, 0) for label, kind in kinds},
        **{f"active{label}ServiceCount": serving.get((kind, "ACTIVE"), 0) for label, kind in kinds},
        **{f"draining{label}ServiceCount": serving.get((kind, "DRAINING"), 0) for label, kind in kinds},
    }
    return [shapes.KeyValuePair(name=name, value=str(value)) for name, value in values.items()]
