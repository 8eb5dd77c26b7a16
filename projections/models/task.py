"""Task: its read model."""

import sqlite3

import msgspec
from msgspec.structs import replace

from quarterdeck.events import shapes
from quarterdeck.events import task as events
from quarterdeck.events.commit import Commit
from quarterdeck.projections.live.demand import demand
from quarterdeck.projections.models import cluster, container_instance, service, task_definition
from quarterdeck.projections.models.task_document import (
    placed_task,
    reported_task,
    requested_task,
    started_task,
    stopped_task,
    stopping_task,
)
from quarterdeck.projections.models.task_row import (
    NOTHING,
    Row,
    counts,
    has_moved,
    inserted,
    loaded,
    moved,
    updated,
)

SCHEMA = """
CREATE TABLE task (
    number INTEGER PRIMARY KEY, cluster INTEGER NOT NULL, id TEXT NOT NULL, definition TEXT NOT NULL,
    family TEXT NOT NULL, service TEXT, deployment TEXT, started_by TEXT, launch_type TEXT NOT NULL,
    cpu INTEGER NOT NULL, memory INTEGER NOT NULL, ports BLOB, desired TEXT NOT NULL, last TEXT NOT NULL,
    container_instance INTEGER, stopped_at REAL, doc BLOB NOT NULL
);
CREATE UNIQUE INDEX task_id ON task (cluster, id);
CREATE INDEX task_desired ON task (cluster, desired);
CREATE INDEX task_family ON task (cluster, family, desired);
CREATE INDEX task_service ON task (cluster, service, desired) WHERE service IS NOT NULL;
CREATE INDEX task_started_by ON task (cluster, started_by, desired) WHERE started_by IS NOT NULL;
CREATE INDEX task_container_instance ON task (container_instance) WHERE container_instance IS NOT NULL;
CREATE INDEX task_ports ON task (container_instance) WHERE ports IS NOT NULL;
CREATE INDEX task_stopped_at ON task (stopped_at) WHERE stopped_at IS NOT NULL;
"""
"""``cpu``, ``memory`` and ``ports`` are what the task takes of its instance; ports only until it stopped."""

TABLES = ("task",)

STOPPED_KEPT_SECONDS = 3 * 3600.0
"""ECS promises an hour (spec §6.6); for older ones there is history."""

SERVICE_GROUP = "service:"
REBALANCED = "Availability-zone rebalancing"
"""How the reason begins for which a task was stopped that moved to another zone (spec §6.7)."""

FORGET = ("DELETE FROM task WHERE cluster = ?",)
FIND = """
SELECT number, definition, service, deployment, launch_type, cpu, memory, ports, desired, last, container_instance,
       stopped_at, doc
FROM task WHERE cluster = ? AND id = ?
"""
INSERT = """
INSERT INTO task (
    number, cluster, id, definition, family, service, deployment, started_by, launch_type, cpu, memory, ports,
    desired, last, container_instance, stopped_at, doc
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
MOVE = """
UPDATE task SET ports = ?, desired = ?, last = ?, container_instance = ?, stopped_at = ?, doc = ? WHERE number = ?
"""
UPDATE = "UPDATE task SET ports = ?, last = ?, stopped_at = ?, doc = ? WHERE number = ?"
"""For what no index is about: SQLite renews the entries of every index on a column that is set."""
PURGE = "DELETE FROM task WHERE stopped_at < ?"

_encode = msgspec.json.Encoder().encode


class Fold:
    """How events change tasks, and with them the counts of cluster, service and instance."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clusters: cluster.Fold,
        definitions: task_definition.Fold,
        instances: container_instance.Fold,
        services: service.Fold,
    ) -> None:
        self._connection = connection
        self._clusters = clusters
        self._definitions = definitions
        self._instances = instances
        self._services = services
        self._rows: dict[tuple[int, str], Row] = {}

    def requested(self, event: events.TaskRequested, commit: Commit, number: int) -> None:
        """Add a task that has no place yet."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        known = self._definitions.find(commit.namespace, event.task_definition)
        needs = known.demand if event.overrides is None else demand(known.definition, event.overrides)
        self._rows[inside.number, event.task] = Row(
            number=number,
            inside=inside,
            id=event.task,
            definition=event.task_definition,
            service=event.group.removeprefix(SERVICE_GROUP) if event.deployment else None,
            deployment=event.deployment or None,
            launch_type=event.launch_type,
            cpu=needs.cpu,
            memory=needs.memory,
            ports=_encode((sorted(needs.tcp), sorted(needs.udp))) if needs.tcp or needs.udp else None,
            at=commit.at,
            requested=event,
            needs=needs,
        )

    def placed(self, event: events.TaskPlaced, commit: Commit, number: int) -> None:
        """Bind a task to an instance, which loses what the task takes."""
        row = self._find(event, commit)
        if row is None:
            return
        instance = self._instances.find(row.inside.number, event.container_instance)
        row.container_instance, row.architecture, row.last = instance.number, instance.architecture, "PENDING"
        row.placed = event
        if row.doc is not None:
            row.doc = placed_task(row.inside.scope, row.doc, event, row.architecture)
        if row.service is not None:
            self._services.messages.task_started(row.inside.number, row.service, number, row.id)

    def placement_failed(self, _event: events.TaskPlacementFailed, _commit: Commit, _number: int) -> None:
        """Change nothing: no task was made."""

    def started(self, event: events.TaskStarted, commit: Commit, _number: int) -> None:
        """Note RUNNING."""
        row = self._find(event, commit)
        if row is None:
            return
        row.doc = started_task(self._document(row), event, commit.at, self._definition(row))
        row.last = "RUNNING"
        if row.deployment is not None and row.desired == "RUNNING":
            self._services.forgive(row.inside.number, row.deployment)

    def container_changed(self, event: events.ContainerStateChanged, commit: Commit, _number: int) -> None:
        """Note a report about one container."""
        row = self._find(event, commit)
        if row is not None:
            row.doc = reported_task(self._document(row), event, commit.at, self._definition(row))

    def command_requested(self, _event: events.ExecuteCommandRequested, _commit: Commit, _number: int) -> None:
        """Change nothing: a command in a container does not change its task."""

    def touched(self, event: events.TaskEvent, commit: Commit, _number: int) -> None:
        """Count the version of a task of which nothing that is shown with it changed."""
        row = self._find(event, commit)
        if row is not None:
            doc = self._document(row)
            row.doc = replace(doc, version=(doc.version or 0) + 1)

    def stop_requested(self, event: events.TaskStopRequested, commit: Commit, number: int) -> None:
        """Note that a task must end."""
        row = self._find(event, commit)
        if row is None:
            return
        row.doc = stopping_task(self._document(row), event, commit.at)
        row.desired = "STOPPED"
        if row.service is not None and event.stop_code == "ServiceSchedulerInitiated":
            moved_from = (row.doc.availability_zone or "") if event.reason.startswith(REBALANCED) else ""
            self._services.messages.task_stopped(row.inside.number, row.service, number, row.id, moved_from)
        if row.service is not None and event.unhealthy:
            self._services.messages.task_unhealthy(row.inside.number, row.service, number, row.id, commit.at)
        if row.deployment is not None and event.unhealthy:
            self._services.fail(row.inside.number, row.deployment)

    def stopping(self, event: events.TaskStopping, commit: Commit, _number: int) -> None:
        """Note STOPPING; the instance gets back what the task took."""
        row = self._find(event, commit)
        if row is None:
            return
        row.doc = replace(stopping_task(self._document(row), event, commit.at), last_status="STOPPING")
        row.desired, row.last, row.ports = "STOPPED", "STOPPING", None

    def stopped(self, event: events.TaskStopped, commit: Commit, _number: int) -> None:
        """Note STOPPED; the instance gets back what the task took, if it has not before."""
        row = self._find(event, commit)
        if row is None:
            return
        row.doc = stopped_task(self._document(row), event, commit.at)
        row.desired = row.last = "STOPPED"
        row.stopped_at, row.ports = commit.at, None
        if row.deployment is not None and event.stop_code == "TaskFailedToStart":
            self._services.fail(row.inside.number, row.deployment)

    def flush(self) -> None:
        """Write each task that changed, and count it where it counts."""
        rows = self._rows.values()
        for row in rows:
            self._count(row)
        # Generators: a document lives no longer than it takes to write it.
        write = self._connection.executemany
        write(INSERT, (inserted(row, self._document(row)) for row in rows if row.stored is None))
        write(MOVE, (moved(row, self._document(row)) for row in rows if row.stored is not None and has_moved(row)))
        write(UPDATE, (updated(row, self._document(row)) for row in rows if row.stored and not has_moved(row)))
        self._rows.clear()

    def purge(self, at: float) -> None:
        """Let go of tasks that stopped long before."""
        self._connection.execute(PURGE, (at - STOPPED_KEPT_SECONDS,))

    def _find(self, event: events.TaskEvent, commit: Commit) -> Row | None:
        """Look up a task; None if it stopped so long ago that it is gone."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        found = self._rows.get((inside.number, event.task))
        if found is None:
            columns = self._connection.execute(FIND, (inside.number, event.task)).fetchone()
            if columns is None:
                return None
            found = loaded(inside, event.task, columns)
            self._rows[inside.number, event.task] = found
        return found

    def _definition(self, row: Row) -> shapes.TaskDefinition:
        return self._definitions.find(str(row.inside.scope), row.definition).definition

    def _document(self, row: Row) -> shapes.Task:
        if row.doc is not None:
            return row.doc
        assert row.requested is not None
        return requested_task(
            row.inside.scope,
            row.at,
            row.requested,
            row.placed,
            self._definition(row),
            needs=row.needs,
            architecture=row.architecture,
        )

    def _count(self, row: Row) -> None:
        before = NOTHING if row.stored is None else counts(*row.stored)
        after = counts(row.desired, row.last, row.container_instance)
        running, pending = after.running - before.running, after.pending - before.pending
        if running or pending:
            self._clusters.count(row.inside.number, row.launch_type, running, pending)
        if row.container_instance is not None:
            held = after.held - before.held
            changes = (after.version - before.version, running, pending, held * row.cpu, held * row.memory)
            self._instances.count(row.container_instance, changes)
        if row.deployment is not None:
            wanted, waiting = after.wanted - before.wanted, pending + after.provisioning - before.provisioning
            self._services.count(row.inside.number, row.deployment, wanted, running, waiting)
