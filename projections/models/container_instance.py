"""Container instance: its read model."""

import sqlite3

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AgentLost,
    AgentUpdateRequested,
    ContainerInstanceDeregistered,
    ContainerInstanceEvent,
    ContainerInstanceRegistered,
    ContainerInstanceReregistered,
    ContainerInstanceStatusChanged,
    RuntimeHealthChanged,
)
from quarterdeck.projections.models import cluster
from quarterdeck.projections.models.container_instance_document import (
    architecture,
    registered_instance,
    resources,
    update_status,
)

SCHEMA = """
CREATE TABLE container_instance (
    number INTEGER PRIMARY KEY, cluster INTEGER NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL,
    connected INTEGER NOT NULL, connected_at REAL, runtime TEXT NOT NULL DEFAULT 'OK', runtime_at REAL,
    runtime_reason TEXT NOT NULL DEFAULT '', host TEXT NOT NULL, architecture TEXT NOT NULL,
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
RUNTIME = "UPDATE container_instance SET runtime = ?, runtime_at = ?, runtime_reason = ? WHERE number = ?"
REDESCRIBED = "UPDATE container_instance SET doc = ? WHERE number = ?"
COUNTED = """
UPDATE container_instance_count
SET version = version + ?, running = running + ?, pending = pending + ?, cpu = cpu + ?, memory = memory + ?
WHERE container_instance = ?
"""

_doc = msgspec.json.Decoder(shapes.ContainerInstance)


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
            agent_update_status=update_status(before, event.version_info),
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

    def runtime_health(self, event: RuntimeHealthChanged, commit: Commit, _number: int) -> None:
        """Note how what runs the containers is."""
        self._connection.execute(RUNTIME, (event.status, commit.at, event.reason, self.changed(event, commit)))

    def update_requested(self, event: AgentUpdateRequested, commit: Commit, _number: int) -> None:
        """Note that an update of the agent is wanted."""
        number = self.changed(event, commit)
        (raw,) = self._connection.execute(DOC, (number,)).fetchone()
        doc = msgspec.structs.replace(_doc.decode(raw), agent_update_status="PENDING")
        self._connection.execute(REDESCRIBED, (msgspec.json.encode(doc), number))

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
