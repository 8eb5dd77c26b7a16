"""Service deployment: its read model, and that of the service revisions it goes from and to (spec §9.7).

A record begins with each deployment but those that roll one back: they stay within its record.
"""

import sqlite3

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace, service_deployment_id, service_revision_id
from quarterdeck.events.service import (
    DeploymentBaking,
    DeploymentCompleted,
    DeploymentEvent,
    DeploymentFailed,
    DeploymentFailuresCounted,
    DeploymentStarted,
    ServiceDeleted,
)
from quarterdeck.projections.models import cluster, service, task_definition

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

    def failures_counted(self, event: DeploymentFailuresCounted, commit: Commit, _number: int) -> None:
        """Note what the circuit breaker counts; what made it trip stays while the deployment is rolled back."""
        record = self._under_way(event, commit)
        if record is not None and record.doc.rollback is None:
            self._update(record, commit.at, deployment_circuit_breaker=breaker(event, "MONITORING"))

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


def created_deployment(
    namespace: Namespace,
    at: float,
    event: DeploymentStarted,
    service: shapes.Service,
    sources: list[shapes.ServiceRevisionSummary],
) -> shapes.ServiceDeployment:
    """Describe a service deployment that begins; its counts are put in when it is asked for."""
    target = namespace.service_revision_arn(event.cluster, event.service, event.deployment)
    rules = service.deployment_configuration or shapes.DeploymentConfiguration()
    configured, alarms = rules.deployment_circuit_breaker, rules.alarms
    return shapes.ServiceDeployment(
        service_deployment_arn=namespace.service_deployment_arn(event.cluster, event.service, event.deployment),
        service_arn=service.service_arn,
        cluster_arn=service.cluster_arn,
        created_at=at,
        started_at=at,
        updated_at=at,
        source_service_revisions=sources,
        target_service_revision=shapes.ServiceRevisionSummary(arn=target),
        status="IN_PROGRESS",
        deployment_configuration=service.deployment_configuration,
        deployment_circuit_breaker=shapes.ServiceDeploymentCircuitBreaker(
            status="MONITORING" if configured and configured.enable else "DISABLED", failure_count=0, threshold=0
        ),
        alarms=None
        if alarms is None
        else shapes.ServiceDeploymentAlarms(
            status="MONITORING" if alarms.enable else "DISABLED",
            alarm_names=alarms.alarm_names or [],
            triggered_alarm_names=[],
        ),
    )


def breaker(event: DeploymentFailed | DeploymentFailuresCounted, status: str) -> shapes.ServiceDeploymentCircuitBreaker:
    """Describe what the circuit breaker counted."""
    return shapes.ServiceDeploymentCircuitBreaker(
        status=status, failure_count=event.failures, threshold=event.threshold
    )


def monitored(doc: shapes.ServiceDeployment, before: str, after: str) -> shapes.ServiceDeployment:
    """Say of what watches a deployment that it does so no more, unless it was triggered."""
    held, alarms = doc.deployment_circuit_breaker, doc.alarms
    if held is not None and held.status == before:
        doc = msgspec.structs.replace(doc, deployment_circuit_breaker=msgspec.structs.replace(held, status=after))
    if alarms is not None and alarms.status == before:
        doc = msgspec.structs.replace(doc, alarms=msgspec.structs.replace(alarms, status=after))
    return doc


def created_revision(
    namespace: Namespace,
    at: float,
    event: DeploymentStarted,
    service: shapes.Service,
    definition: shapes.TaskDefinition,
) -> shapes.ServiceRevision:
    """Describe what a deployment's tasks are made from."""
    return shapes.ServiceRevision(
        service_revision_arn=namespace.service_revision_arn(event.cluster, event.service, event.deployment),
        service_arn=service.service_arn,
        cluster_arn=service.cluster_arn,
        task_definition=namespace.task_definition_arn(event.task_definition),
        launch_type=service.launch_type,
        load_balancers=service.load_balancers,
        service_registries=service.service_registries,
        network_configuration=service.network_configuration,
        container_images=[
            shapes.ContainerImage(container_name=each.name, image=each.image)
            for each in definition.container_definitions or []
        ],
        guard_duty_enabled=False,
        created_at=at,
    )


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
