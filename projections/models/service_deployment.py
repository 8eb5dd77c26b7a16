"""Service deployment: its read model, and that of the service revisions it goes from and to (spec §9.7).

A record begins with each deployment but those that roll one back: they stay within its record.
"""

import sqlite3

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import service_deployment_id, service_revision_id
from quarterdeck.events.service import (
    DeploymentBaking,
    DeploymentCompleted,
    DeploymentEvent,
    DeploymentFailed,
    DeploymentFailuresCounted,
    DeploymentHookEnded,
    DeploymentHookStarted,
    DeploymentStageEntered,
    DeploymentStarted,
    DeploymentStopRequested,
    DeploymentTrafficShifted,
    ServiceDeleted,
)
from quarterdeck.projections.models import cluster, service, task_definition
from quarterdeck.projections.models.service_deployment_document import (
    begun_hook,
    breaker,
    created_deployment,
    created_revision,
    ended_hook,
    monitored,
    weights,
)

SCHEMA = """
CREATE TABLE service_deployment (
    number INTEGER PRIMARY KEY, cluster INTEGER NOT NULL, service INTEGER NOT NULL, id TEXT NOT NULL,
    deployment TEXT NOT NULL, status TEXT NOT NULL, created_at REAL NOT NULL, finished_at REAL, doc BLOB NOT NULL
);
CREATE UNIQUE INDEX service_deployment_id ON service_deployment (cluster, id);
CREATE INDEX service_deployment_service ON service_deployment (service);
CREATE INDEX service_deployment_finished ON service_deployment (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE service_revision (
    number INTEGER PRIMARY KEY, cluster INTEGER NOT NULL, service INTEGER NOT NULL, id TEXT NOT NULL,
    created_at REAL NOT NULL, doc BLOB NOT NULL
);
CREATE UNIQUE INDEX service_revision_id ON service_revision (cluster, id);
CREATE INDEX service_revision_service ON service_revision (service);
"""
"""``deployment`` is the one that is, or was last, under way in the service deployment."""

TABLES = ("service_deployment", "service_revision")

KEPT_SECONDS = 90 * 24 * 3600.0

FORGET = ("DELETE FROM service_deployment WHERE cluster = ?", "DELETE FROM service_revision WHERE cluster = ?")

INSERT = """
INSERT INTO service_deployment (number, cluster, service, id, deployment, status, created_at, finished_at, doc)
VALUES (?, ?, ?, ?, ?, 'IN_PROGRESS', ?, NULL, ?)
"""
REVISE = "INSERT INTO service_revision (number, cluster, service, id, created_at, doc) VALUES (?, ?, ?, ?, ?, ?)"
LATEST = """
SELECT number, deployment, finished_at, doc FROM service_deployment WHERE service = ? ORDER BY number DESC LIMIT 1
"""
UPDATE = "UPDATE service_deployment SET deployment = ?, status = ?, finished_at = ?, doc = ? WHERE number = ?"
PURGE = "DELETE FROM service_deployment WHERE finished_at < ?"
PURGE_REVISIONS = """
DELETE FROM service_revision
WHERE service = ?1 AND created_at < ?2 AND 'ecs-svc/' || id NOT IN (SELECT revision FROM deployment WHERE service = ?1)
"""

REQUESTED = {"ROLLBACK": "ROLLBACK_REQUESTED", "ABORT": "STOP_REQUESTED"}

SUPERSEDED = "The service deployment was superseded by a newer one."
DELETED = "The service was deleted."

_doc = msgspec.json.Decoder(shapes.ServiceDeployment)


class Record(msgspec.Struct):
    """The latest service deployment of a service."""

    number: int
    deployment: str
    finished_at: float | None
    doc: shapes.ServiceDeployment


class Fold:
    """How events change service deployments and revisions."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clusters: cluster.Fold,
        services: service.Fold,
        definitions: task_definition.Fold,
    ) -> None:
        self._connection = connection
        self._clusters = clusters
        self._services = services
        self._definitions = definitions

    def started(self, event: DeploymentStarted, commit: Commit, number: int) -> None:
        """Begin a record, or go on with the one that is rolled back."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        held, described = self._services.load(event, commit)
        self._connection.execute(PURGE, (commit.at - KEPT_SECONDS,))
        self._connection.execute(PURGE_REVISIONS, (held, commit.at - KEPT_SECONDS))
        before = self._latest(held)
        if event.rolls_back and before is not None:
            self._roll_back(before, event, commit)
            return
        if before is not None and before.finished_at is None:
            self._finish(before, "STOPPED", commit.at, SUPERSEDED)
        row = (number, inside.number, held)
        definition = self._definitions.find(commit.namespace, event.task_definition).definition
        revision = created_revision(inside.scope, commit.at, event, described, definition)
        self._connection.execute(
            REVISE, (*row, service_revision_id(event.deployment), commit.at, msgspec.json.encode(revision))
        )
        doc = created_deployment(inside.scope, commit.at, event, described, _sources(before))
        identity = (service_deployment_id(event.deployment), event.deployment, commit.at)
        self._connection.execute(INSERT, (*row, *identity, msgspec.json.encode(doc)))

    def completed(self, event: DeploymentCompleted, commit: Commit, _number: int) -> None:
        """Note success, of what was begun or of going back."""
        held, _ = self._services.load(event, commit)
        record = self._latest(held)
        if record is not None and record.deployment == event.deployment and record.finished_at is None:
            status = "ROLLBACK_SUCCESSFUL" if record.doc.rollback is not None else "SUCCESSFUL"
            doc = monitored(record.doc, "MONITORING", "MONITORING_COMPLETE")
            self._finish(msgspec.structs.replace(record, doc=doc), status, commit.at, doc.status_reason)

    def baking(self, event: DeploymentBaking, commit: Commit, _number: int) -> None:
        """Note that all is there, and watched for a while."""
        record = self._under_way(event, commit)
        if record is not None:
            self._update(record, commit.at, lifecycle_stage="BAKE_TIME")

    def stop_requested(self, event: DeploymentStopRequested, commit: Commit, _number: int) -> None:
        """Note what a caller wants; the scheduler is to do it."""
        record = self._under_way(event, commit)
        if record is not None:
            self._update(record, commit.at, status=REQUESTED[event.stop_type])

    def failures_counted(self, event: DeploymentFailuresCounted, commit: Commit, _number: int) -> None:
        """Note what the circuit breaker counts; what made it trip stays while the deployment is rolled back."""
        record = self._under_way(event, commit)
        if record is not None and record.doc.rollback is None:
            self._update(record, commit.at, deployment_circuit_breaker=breaker(event, "MONITORING"))

    def stage_entered(self, event: DeploymentStageEntered, commit: Commit, _number: int) -> None:
        """Note the stage."""
        record = self._under_way(event, commit)
        if record is not None:
            self._update(record, commit.at, lifecycle_stage=event.stage)

    def hook_started(self, event: DeploymentHookStarted, commit: Commit, _number: int) -> None:
        """Note a hook that is waited for."""
        record = self._under_way(event, commit)
        if record is not None:
            details = [*(record.doc.lifecycle_hook_details or []), begun_hook(event)]
            self._update(record, commit.at, lifecycle_hook_details=details)

    def hook_ended(self, event: DeploymentHookEnded, commit: Commit, _number: int) -> None:
        """Note how a hook ended."""
        record = self._under_way(event, commit)
        if record is not None:
            details = ended_hook(record.doc.lifecycle_hook_details or [], event)
            self._update(record, commit.at, lifecycle_hook_details=details)

    def traffic_shifted(self, event: DeploymentTrafficShifted, commit: Commit, _number: int) -> None:
        """Note what traffic the target revision has; the sources have the rest."""
        record = self._under_way(event, commit)
        if record is not None:
            self._update(record, commit.at, **weights(record.doc, event.test, event.production))

    def failed(self, event: DeploymentFailed, commit: Commit, _number: int) -> None:
        """Note that a deployment was given up: stopped, unless the same commit goes back; or could not go back."""
        record = self._under_way(event, commit)
        if record is None:
            return
        if record.doc.rollback is not None:
            self._finish(record, "ROLLBACK_FAILED", commit.at, event.reason)
            return
        doc = record.doc
        if event.cause == "CIRCUIT_BREAKER":
            doc = msgspec.structs.replace(doc, deployment_circuit_breaker=breaker(event, "TRIGGERED"))
        if event.cause == "ALARMS" and doc.alarms is not None:
            alarms = msgspec.structs.replace(doc.alarms, status="TRIGGERED", triggered_alarm_names=event.alarms)
            doc = msgspec.structs.replace(doc, alarms=alarms)
        doc = monitored(doc, "MONITORING", "MONITORING_COMPLETE")
        self._finish(msgspec.structs.replace(record, doc=doc), "STOPPED", commit.at, event.reason)

    def deleted(self, event: ServiceDeleted, commit: Commit, _number: int) -> None:
        """Stop what is under way."""
        held, _ = self._services.load(event, commit)
        record = self._latest(held)
        if record is not None and record.finished_at is None:
            self._finish(record, "STOPPED", commit.at, DELETED)

    def _under_way(self, event: DeploymentEvent, commit: Commit) -> Record | None:
        held, _ = self._services.load(event, commit)
        record = self._latest(held)
        there = record is not None and record.deployment == event.deployment and record.finished_at is None
        return record if there else None

    def _update(self, record: Record, at: float, **members: object) -> None:
        doc = msgspec.structs.replace(record.doc, updated_at=at, **members)
        raw = msgspec.json.encode(doc)
        self._connection.execute(UPDATE, (record.deployment, doc.status, record.finished_at, raw, record.number))

    def _roll_back(self, record: Record, event: DeploymentStarted, commit: Commit) -> None:
        namespace = commit.scope()
        arn = namespace.service_revision_arn(event.cluster, event.service, event.revision)
        back = shapes.Rollback(reason=event.reason, started_at=commit.at, service_revision_arn=arn)
        doc = msgspec.structs.replace(
            record.doc,
            status="ROLLBACK_IN_PROGRESS",
            status_reason=event.reason,
            updated_at=commit.at,
            rollback=back,
            finished_at=None,
            stopped_at=None,
        )
        row = (event.deployment, doc.status, None, msgspec.json.encode(doc), record.number)
        self._connection.execute(UPDATE, row)

    def _finish(self, record: Record, status: str, at: float, reason: str | None) -> None:
        doc = msgspec.structs.replace(
            record.doc,
            status=status,
            status_reason=reason,
            finished_at=at,
            stopped_at=at if status == "STOPPED" else None,
            updated_at=at,
        )
        self._connection.execute(UPDATE, (record.deployment, status, at, msgspec.json.encode(doc), record.number))

    def _latest(self, held: int) -> Record | None:
        row = self._connection.execute(LATEST, (held,)).fetchone()
        return Record(row[0], row[1], row[2], _doc.decode(row[3])) if row is not None else None


def _sources(before: Record | None) -> list[shapes.ServiceRevisionSummary]:
    """Tell from which revisions a deployment starts: where the last one came to, or all it was between."""
    if before is None:
        return []
    doc = before.doc
    target = [doc.target_service_revision] if doc.target_service_revision is not None else []
    if doc.status == "SUCCESSFUL":
        return target
    if doc.rollback is not None:
        return [shapes.ServiceRevisionSummary(arn=doc.rollback.service_revision_arn)]
    return [*(doc.source_service_revisions or []), *target]
