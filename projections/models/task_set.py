"""Task set: its read model; its tasks are counted where those of deployments are."""

import sqlite3
from collections.abc import Collection

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events import task_set as events
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models import cluster, service, service_message
from quarterdeck.projections.models.database import Database

FIND = "SELECT number, doc FROM deployment WHERE cluster = ? AND id = ? AND task_set"
OTHERS = "SELECT number, doc FROM deployment WHERE service = ? AND task_set"
UPDATE = "UPDATE deployment SET updated_at = ?, doc = ? WHERE number = ?"
DELETE = "DELETE FROM deployment WHERE cluster = ? AND id = ? AND task_set"
DESCRIBE = """
SELECT doc, updated_at, running, pending FROM deployment WHERE service = ? AND task_set ORDER BY number
"""
SERVICE = "SELECT number, doc FROM service WHERE cluster = ? AND name = ?"
STABILIZING = "STABILIZING"
STEADY = "STEADY_STATE"
"""What the scheduler found: all tasks there and healthy; counts that don't fit any more say otherwise."""

_doc = msgspec.json.Decoder(shapes.TaskSet)
_service = msgspec.json.Decoder(shapes.Service)


class Fold:
    """How events change task sets."""

    def __init__(self, connection: sqlite3.Connection, clusters: cluster.Fold, services: service.Fold) -> None:
        self._connection = connection
        self._clusters = clusters
        self._services = services

    def created(self, event: events.TaskSetCreated, commit: Commit, number: int) -> None:
        """Add a task set."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        held, doc = self._services.load(event, commit)
        described = msgspec.json.encode(created_task_set(inside.scope, commit.at, event, doc))
        row = (number, inside.number, held, event.task_set, commit.at, event.task_set)
        self._connection.execute(service.DEPLOY, (*row, True, described))

    def scaled(self, event: events.TaskSetScaled, commit: Commit, _number: int) -> None:
        """Change a task set's share."""
        scale = shapes.Scale(value=event.scale, unit="PERCENT")
        self._change(event, commit, scale=scale, stability_status=STABILIZING, stability_status_at=commit.at)

    def steady(self, event: events.TaskSetSteadyStateReached, commit: Commit, number: int) -> None:
        """Note since when, and say so."""
        self._change(event, commit, stability_status=STEADY, stability_status_at=commit.at)
        self._services.messages.say(event, commit, number, service_message.steady_set(event.service, event.task_set))

    def deleted(self, event: events.TaskSetDeleted, commit: Commit, _number: int) -> None:
        """Begin DRAINING."""
        self._change(event, commit, status="DRAINING")

    def drained(self, event: events.TaskSetDrained, commit: Commit, _number: int) -> None:
        """Let a task set go."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        self._connection.execute(DELETE, (inside.number, event.task_set))

    def primary_changed(self, event: events.PrimaryTaskSetChanged, commit: Commit, _number: int) -> None:
        """Make one task set PRIMARY; the service is described by what that is made from."""
        number, doc = self._services.load(event, commit)
        for row, raw in self._connection.execute(OTHERS, (number,)).fetchall():
            held = _doc.decode(raw)
            if held.id == event.task_set:
                held = msgspec.structs.replace(held, status="PRIMARY")
                doc = described_by(doc, held)
            elif held.status == "PRIMARY":
                held = msgspec.structs.replace(held, status="ACTIVE")
            self._connection.execute(UPDATE, (commit.at, msgspec.json.encode(held), row))
        self._services.store(number, doc)

    def _change(self, event: events.TaskSetEvent, commit: Commit, **members: object) -> None:
        inside = self._clusters.find(commit.namespace, event.cluster)
        number, raw = self._connection.execute(FIND, (inside.number, event.task_set)).fetchone()
        doc = msgspec.structs.replace(_doc.decode(raw), **members)
        self._connection.execute(UPDATE, (commit.at, msgspec.json.encode(doc), number))


def created_task_set(
    namespace: Namespace, at: float, event: events.TaskSetCreated, service: shapes.Service
) -> shapes.TaskSet:
    """Describe a new task set."""
    return shapes.TaskSet(
        id=event.task_set,
        task_set_arn=namespace.task_set_arn(event.cluster, event.service, event.task_set),
        service_arn=service.service_arn,
        cluster_arn=service.cluster_arn,
        external_id=event.external_id or None,
        status="ACTIVE",
        task_definition=namespace.task_definition_arn(event.task_definition),
        created_at=at,
        launch_type=event.launch_type,
        network_configuration=event.network_configuration,
        load_balancers=event.load_balancers,
        service_registries=event.service_registries,
        scale=shapes.Scale(value=event.scale, unit="PERCENT"),
        stability_status=STABILIZING,
        stability_status_at=at,
        tags=event.tags,
    )


def described_by(service: shapes.Service, held: shapes.TaskSet) -> shapes.Service:
    """Take over from the PRIMARY task set what a service with deployments says of itself (spec §9.8)."""
    return msgspec.structs.replace(
        service,
        task_definition=held.task_definition,
        load_balancers=held.load_balancers,
        service_registries=held.service_registries,
        network_configuration=held.network_configuration,
    )


class TaskSets:
    """What there is to ask about task sets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(
        self, namespace: Namespace, cluster: str, service: str, include: Collection[str] = ()
    ) -> dict[str, shapes.TaskSet]:
        """Describe a service's task sets by id, in order of creation; `include` knows TAGS."""
        return await self._database.read(_describe, str(namespace), cluster, service, tags="TAGS" in include)


def _describe(
    connection: sqlite3.Connection, namespace: str, name: str, service: str, *, tags: bool
) -> dict[str, shapes.TaskSet]:
    inside = cluster.number(connection, namespace, name)
    row = connection.execute(SERVICE, (inside, service)).fetchone()
    if row is None:
        return {}
    doc = _service.decode(row[1])
    return {each.id or "": each for each in task_sets(connection, row[0], doc.desired_count or 0, tags=tags)}


def task_sets(connection: sqlite3.Connection, service: int, desired: int, *, tags: bool) -> list[shapes.TaskSet]:
    """Describe a service's task sets with their counts."""
    return [
        _counted(_doc.decode(raw), desired, row, tags=tags)
        for raw, *row in connection.execute(DESCRIBE, (service,)).fetchall()
    ]


def _counted(doc: shapes.TaskSet, desired: int, row: list[float], *, tags: bool) -> shapes.TaskSet:
    updated_at, running, pending = row
    scale = (doc.scale.value or 0.0) if doc.scale is not None and doc.status != "DRAINING" else 0.0
    computed = events.share(desired, scale)
    return msgspec.structs.replace(
        doc,
        computed_desired_count=computed,
        running_count=int(running),
        pending_count=int(pending),
        updated_at=updated_at,
        stability_status=doc.stability_status if running == computed and not pending else STABILIZING,
        tags=doc.tags if tags else [],
    )
