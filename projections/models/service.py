"""Service: its read model, with its deployments; what its events say is in `service_event`."""

import sqlite3

import msgspec

from quarterdeck.events import service as events
from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.projections.models import cluster, service_event
from quarterdeck.projections.models.service_document import created_service, deployed_service, set_service

SCHEMA = """
CREATE TABLE service (
    number INTEGER PRIMARY KEY, cluster INTEGER NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    launch_type TEXT NOT NULL, scheduling_strategy TEXT NOT NULL, staged INTEGER NOT NULL, doc BLOB NOT NULL
);
CREATE UNIQUE INDEX service_name ON service (cluster, name);
CREATE INDEX service_status ON service (cluster, status, launch_type);
CREATE TABLE deployment (
    number INTEGER PRIMARY KEY, cluster INTEGER NOT NULL, service INTEGER NOT NULL, id TEXT NOT NULL,
    completed INTEGER NOT NULL, updated_at REAL NOT NULL, wanted INTEGER NOT NULL, running INTEGER NOT NULL,
    pending INTEGER NOT NULL, failed INTEGER NOT NULL, revision TEXT NOT NULL, task_set INTEGER NOT NULL,
    failure TEXT, stuck TEXT, doc BLOB NOT NULL
);
CREATE UNIQUE INDEX deployment_id ON deployment (cluster, id);
CREATE INDEX deployment_service ON deployment (service);
"""
"""A name's newest service only; of its deployments the newest, PRIMARY, and those that have tasks. Where deployments go
stage by stage (``staged``) those that completed stay until that has ended: tasks of them may be started anew.

Task sets are counted as deployments are, and so are among them. ``failure`` is why a deployment FAILED, ``stuck`` why
one that is IN_PROGRESS does not get on.
"""

TABLES = ("service", "deployment")

FORGET = (
    "DELETE FROM service_event WHERE service IN (SELECT number FROM service WHERE cluster = ?)",
    "DELETE FROM deployment WHERE cluster = ?",
    "DELETE FROM service WHERE cluster = ?",
)
FORGET_ONE = (
    "DELETE FROM service_event WHERE service = ?",
    "DELETE FROM service_deployment WHERE service = ?",
    "DELETE FROM service_revision WHERE service = ?",
    "DELETE FROM deployment WHERE service = ?",
    "DELETE FROM service WHERE number = ?",
)
FIND = "SELECT number FROM service WHERE cluster = ? AND name = ?"
DOC = "SELECT doc FROM service WHERE number = ?"
INSERT = """
INSERT INTO service (number, cluster, name, status, launch_type, scheduling_strategy, staged, doc)
VALUES (?, ?, ?, 'ACTIVE', ?, ?, ?, ?)
"""
UPDATE = "UPDATE service SET status = ?, launch_type = ?, staged = ?, doc = ? WHERE number = ?"
DEPLOYMENTS = "SELECT id FROM deployment WHERE service = ?"
TOUCH = """
UPDATE deployment SET updated_at = ?
WHERE number = (SELECT max(number) FROM deployment WHERE service = ? AND NOT task_set)
"""
DEPLOY = """
INSERT INTO deployment (number, cluster, service, id, completed, updated_at, wanted, running, pending, failed, revision,
                        task_set, doc)
VALUES (?, ?, ?, ?, FALSE, ?, 0, 0, 0, 0, ?, ?, ?)
"""
HELD = "SELECT doc FROM deployment WHERE cluster = ? AND id = ?"
AGAIN = """
UPDATE deployment
SET number = ?, completed = FALSE, failed = 0, failure = NULL, stuck = NULL, updated_at = ?, doc = ?
WHERE cluster = ? AND id = ?
"""
COMPLETED = "UPDATE deployment SET completed = TRUE, stuck = NULL, updated_at = ? WHERE cluster = ? AND id = ?"
FAILED = "UPDATE deployment SET failure = ?, stuck = NULL, updated_at = ? WHERE cluster = ? AND id = ?"
COUNTED = """
UPDATE deployment
SET wanted = wanted + ?, running = running + ?, pending = pending + ?,
    failed = CASE WHEN ? THEN 0 ELSE failed END + ?
WHERE cluster = ? AND id = ?
"""
RETIRE = """
DELETE FROM deployment
WHERE service = ?1 AND wanted = 0 AND running = 0 AND pending = 0 AND NOT task_set
  AND number < (SELECT max(number) FROM deployment WHERE service = ?1 AND NOT task_set)
  AND NOT (completed AND EXISTS (
    SELECT * FROM service WHERE number = ?1 AND staged AND status = 'ACTIVE' AND (
      SELECT NOT completed AND failure IS NULL FROM deployment
      WHERE service = ?1 AND NOT task_set ORDER BY number DESC LIMIT 1
    )
  ))
"""
SERVICE_OF = "SELECT service FROM deployment WHERE cluster = ? AND id = ?"
_doc = msgspec.json.Decoder(shapes.Service)
_deployment = msgspec.json.Decoder(shapes.Deployment)


class Fold:
    """How events change services. What has been looked up is kept: start another after a failure."""

    def __init__(self, connection: sqlite3.Connection, clusters: cluster.Fold) -> None:
        self._connection = connection
        self._clusters = clusters
        self._counts: dict[tuple[int, str], list[int]] = {}
        self._deployed: dict[int, None] = {}
        self.messages = service_event.Fold(connection, clusters)

    def created(self, event: events.ServiceCreated, commit: Commit, number: int) -> None:
        """Begin a service, also where one of its name was INACTIVE: nothing of that is left."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        before = self._connection.execute(FIND, (inside.number, event.service)).fetchone()
        for statement in FORGET_ONE if before else ():
            self._connection.execute(statement, before)
        doc = created_service(inside.scope, commit.at, event, None)
        row = (number, inside.number, event.service, event.settings.launch_type, event.settings.scheduling_strategy)
        self._connection.execute(INSERT, (*row, _is_staged(doc), msgspec.json.encode(doc)))

    def updated(self, event: events.ServiceUpdated, commit: Commit, _number: int) -> None:
        """Change what the caller changed; start failures are forgiven (spec §7.3)."""
        number, doc = self.load(event, commit)
        if event.settings is not None:
            doc = set_service(doc, event.settings)
        if event.desired_count is not None:
            doc = msgspec.structs.replace(doc, desired_count=event.desired_count)
        self.store(number, doc)
        self._connection.execute(TOUCH, (commit.at, number))
        inside = self._clusters.find(commit.namespace, event.cluster)
        for (deployment,) in self._connection.execute(DEPLOYMENTS, (number,)).fetchall():
            self.forgive(inside.number, deployment)
        self.messages.freed(inside.number, event.service)

    def deleted(self, event: events.ServiceDeleted, commit: Commit, _number: int) -> None:
        """Begin DRAINING."""
        number, doc = self.load(event, commit)
        self.store(number, msgspec.structs.replace(doc, status="DRAINING", desired_count=0))
        self._connection.execute(TOUCH, (commit.at, number))

    def drained(self, event: events.ServiceDrained, commit: Commit, _number: int) -> None:
        """Make a service INACTIVE."""
        number, doc = self.load(event, commit)
        self.store(number, msgspec.structs.replace(doc, status="INACTIVE"))

    def holds(self, event: events.DeploymentStarted, commit: Commit) -> bool:
        """Whether a deployment that starts was there before, as one that is gone back to."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        return self._connection.execute(HELD, (inside.number, event.deployment)).fetchone() is not None

    def deployment_started(self, event: events.DeploymentStarted, commit: Commit, number: int) -> None:
        """Put a new PRIMARY first."""
        service, doc = self.load(event, commit)
        inside = self._clusters.find(commit.namespace, event.cluster)
        deployed = deployed_service(inside.scope, commit.at, doc, event)
        primary = (deployed.deployments or [])[0]
        self._connection.execute(TOUCH, (commit.at, service))
        held = self._connection.execute(HELD, (inside.number, event.deployment)).fetchone()
        if held is not None:
            primary = msgspec.structs.replace(primary, created_at=_deployment.decode(held[0]).created_at)
            again = (number, commit.at, msgspec.json.encode(primary), inside.number, event.deployment)
            self._connection.execute(AGAIN, again)
            self.forgive(inside.number, event.deployment)  # what is counted already, and not written yet, too
        else:
            row = (number, inside.number, service, event.deployment, commit.at, event.revision or event.deployment)
            self._connection.execute(DEPLOY, (*row, False, msgspec.json.encode(primary)))
        self.store(service, msgspec.structs.replace(deployed, deployments=[]))

    def deployment_completed(self, event: events.DeploymentCompleted, commit: Commit, _number: int) -> None:
        """Mark a deployment COMPLETED."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        self._connection.execute(COMPLETED, (commit.at, inside.number, event.deployment))
        self._held(inside.number, event.deployment)

    def deployment_failed(self, event: events.DeploymentFailed, commit: Commit, _number: int) -> None:
        """Mark a deployment FAILED."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        self._connection.execute(FAILED, (event.reason, commit.at, inside.number, event.deployment))
        self._held(inside.number, event.deployment)

    def desired_count_changed(self, event: events.ServiceDesiredCountChanged, commit: Commit, _number: int) -> None:
        """Show the number of instances that a DAEMON service belongs on."""
        number, doc = self.load(event, commit)
        self.store(number, msgspec.structs.replace(doc, desired_count=event.desired_count))

    def daemon_constraint_violated(
        self, event: events.ServiceDaemonConstraintViolated, commit: Commit, number: int
    ) -> None:
        """Say nothing: that the tasks are stopped is told with them."""

    def count(self, cluster: int, deployment: str, wanted: int, running: int, pending: int) -> None:
        """Add to a deployment's tasks."""
        held = self._held(cluster, deployment)
        held[0] += wanted
        held[1] += running
        held[2] += pending

    def fail(self, cluster: int, deployment: str) -> None:
        """Count a task that failed to start."""
        self._held(cluster, deployment)[4] += 1

    def forgive(self, cluster: int, deployment: str) -> None:
        """Count failures anew."""
        self._held(cluster, deployment)[3:] = [True, 0]

    def flush(self) -> None:
        """Write the counts; let go of deployments without tasks."""
        execute = self._connection.execute
        self._connection.executemany(COUNTED, [(*counts, *key) for key, counts in self._counts.items()])
        for key in self._counts:
            row = execute(SERVICE_OF, key).fetchone()
            if row is not None:
                self._deployed[row[0]] = None
        self._connection.executemany(RETIRE, [(service,) for service in self._deployed])
        self._counts.clear()
        self._deployed.clear()
        self.messages.flush()

    def _held(self, cluster: int, deployment: str) -> list[int]:
        return self._counts.setdefault((cluster, deployment), [0, 0, 0, False, 0])

    def load(self, event: events.ServiceEvent, commit: Commit) -> tuple[int, shapes.Service]:
        """Look up the service an event is about: its number and what is described of it."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        row = self._connection.execute(FIND, (inside.number, event.service)).fetchone()
        (number,) = row
        (raw,) = self._connection.execute(DOC, row).fetchone()
        return number, _doc.decode(raw)

    def store(self, number: int, doc: shapes.Service) -> None:
        """Keep what is described of a service."""
        row = (doc.status, doc.launch_type, _is_staged(doc), msgspec.json.encode(doc), number)
        self._connection.execute(UPDATE, row)
        self._deployed[number] = None


def _is_staged(doc: shapes.Service) -> bool:
    configuration = doc.deployment_configuration
    return configuration is not None and configuration.strategy not in {None, "ROLLING"}
