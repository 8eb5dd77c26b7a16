"""Task definition: its read model."""

import sqlite3
from collections.abc import Mapping

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace
from quarterdeck.events.task_definition import (
    TaskDefinitionDeleted,
    TaskDefinitionDeletionRequested,
    TaskDefinitionDeregistered,
    TaskDefinitionEvent,
    TaskDefinitionRegistered,
)
from quarterdeck.projections.live.demand import Demand, demand
from quarterdeck.projections.models.database import Database
from quarterdeck.projections.models.page import InvalidPage, Listed, Page, listed, whole

SCHEMA = """
CREATE TABLE task_definition (
    number INTEGER PRIMARY KEY, namespace TEXT NOT NULL, family TEXT NOT NULL, revision INTEGER NOT NULL,
    status TEXT NOT NULL, doc BLOB NOT NULL, tags BLOB NOT NULL
);
CREATE UNIQUE INDEX task_definition_revision ON task_definition (namespace, family, revision);
CREATE INDEX task_definition_status ON task_definition (namespace, status, family, revision);
"""
TABLES = ("task_definition",)

KNOWN_MAX = 10_000
"""Revisions kept decoded for the tasks to come."""

FIND = "SELECT number, doc FROM task_definition WHERE namespace = ? AND family = ? AND revision = ?"
INSERT = """
INSERT INTO task_definition (number, namespace, family, revision, status, doc, tags)
VALUES (?, ?, ?, ?, 'ACTIVE', ?, ?)
"""
UPDATE = "UPDATE task_definition SET status = ?, doc = ? WHERE number = ?"
DELETE = "DELETE FROM task_definition WHERE namespace = ? AND family = ? AND revision = ?"

DESCRIBE = "SELECT doc, tags FROM task_definition WHERE namespace = ? AND family = ? AND revision = ?"
LATEST = """
SELECT doc, tags FROM task_definition
WHERE namespace = ? AND status = 'ACTIVE' AND family = ? ORDER BY revision DESC LIMIT 1
"""
LISTS = {
    (False, False): """
SELECT family || ':' || revision FROM task_definition
WHERE namespace = :namespace AND status = :status AND (family, revision) > (:family_after, :revision_after)
ORDER BY family, revision LIMIT :limit
""",
    (False, True): """
SELECT family || ':' || revision FROM task_definition
WHERE namespace = :namespace AND status = :status
  AND (:family_after = '' OR (family, revision) < (:family_after, :revision_after))
ORDER BY family DESC, revision DESC LIMIT :limit
""",
    (True, False): """
SELECT family || ':' || revision FROM task_definition
WHERE namespace = :namespace AND status = :status AND family = :family AND revision > :revision_after
ORDER BY revision LIMIT :limit
""",
    (True, True): """
SELECT family || ':' || revision FROM task_definition
WHERE namespace = :namespace AND status = :status AND family = :family
  AND (:family_after = '' OR revision < :revision_after)
ORDER BY revision DESC LIMIT :limit
""",
}
"""By: one family or all, and descending or not."""

FAMILIES = """
SELECT family FROM task_definition
WHERE namespace = :namespace AND family >= :prefix AND family < :prefix || char(0x10FFFF) AND family > :after
GROUP BY family
HAVING :status = 'ALL' OR max(status = 'ACTIVE') = (:status = 'ACTIVE')
ORDER BY family LIMIT :limit
"""

_doc = msgspec.json.Decoder(shapes.TaskDefinition)
_tags = msgspec.json.Decoder(list[shapes.Tag])


class Definition(msgspec.Struct, frozen=True):
    """A revision as its tasks need it: it never changes but in status."""

    definition: shapes.TaskDefinition
    demand: Demand
    family: str


def registered_definition(
    namespace: Namespace, at: float, actor: str, event: TaskDefinitionRegistered
) -> shapes.TaskDefinition:
    """Describe a new revision, as RegisterTaskDefinition answers."""
    given = event.definition
    return msgspec.structs.replace(
        given,
        task_definition_arn=namespace.task_definition_arn(f"{event.family}:{event.revision}"),
        family=event.family,
        revision=event.revision,
        status="ACTIVE",
        registered_at=given.registered_at if given.registered_at is not None else at,
        registered_by=given.registered_by or actor,
    )


class Fold:
    """How events change task definitions. What has been looked up is kept: start another after a failure."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], Definition] = {}

    def find(self, namespace: str, name: str) -> Definition:
        """Look up ``family:revision``, which must exist."""
        key = (namespace, name)
        found = self._known.get(key)
        if found is None:
            family, _, revision = name.rpartition(":")
            _, raw = self._connection.execute(FIND, (namespace, family, int(revision))).fetchone()
            definition = _doc.decode(raw)
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            found = self._known[key] = Definition(definition, demand(definition), family)
        return found

    def registered(self, event: TaskDefinitionRegistered, commit: Commit, number: int) -> None:
        """Add a revision."""
        doc = registered_definition(commit.scope(), commit.at, commit.actor, event)
        row = (number, commit.namespace, event.family, event.revision)
        self._connection.execute(INSERT, (*row, msgspec.json.encode(doc), msgspec.json.encode(event.tags)))

    def deregistered(self, event: TaskDefinitionDeregistered, commit: Commit, _number: int) -> None:
        """Make a revision INACTIVE."""
        self._change(event, commit, status="INACTIVE", deregistered_at=commit.at)

    def deletion_requested(self, event: TaskDefinitionDeletionRequested, commit: Commit, _number: int) -> None:
        """Make a revision DELETE_IN_PROGRESS."""
        self._change(event, commit, status="DELETE_IN_PROGRESS", delete_requested_at=commit.at)

    def deleted(self, event: TaskDefinitionDeleted, commit: Commit, _number: int) -> None:
        """Let a revision go."""
        self._connection.execute(DELETE, (commit.namespace, event.family, event.revision))

    def _change(self, event: TaskDefinitionEvent, commit: Commit, *, status: str, **times: float) -> None:
        key = (commit.namespace, event.family, event.revision)
        number, raw = self._connection.execute(FIND, key).fetchone()
        doc = msgspec.structs.replace(_doc.decode(raw), status=status, **times)
        self._connection.execute(UPDATE, (status, msgspec.json.encode(doc), number))


class TaskDefinitions:
    """What there is to ask about task definitions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(
        self, namespace: Namespace, family: str, revision: int | None = None
    ) -> tuple[shapes.TaskDefinition, list[shapes.Tag]] | None:
        """Describe a revision, or without one the latest that is ACTIVE, with its tags; None if there is none."""
        return await self._database.read(_describe, str(namespace), family, revision)

    async def list(
        self,
        namespace: Namespace,
        page: Page,
        *,
        family: str | None = None,
        status: str = "ACTIVE",
        descending: bool = False,
    ) -> Listed:
        """List ARNs by family, then by revision as a number. Raises InvalidPage."""
        family_after, revision_after = _place(page)
        parameters = {
            "namespace": str(namespace),
            "status": status,
            "family": family,
            "family_after": family_after,
            "revision_after": revision_after,
            "limit": page.limit + 1,
        }
        names = await self._database.read(_names, LISTS[family is not None, descending], parameters)
        return listed([(name, namespace.task_definition_arn(name)) for name in names], page.limit)

    async def families(self, namespace: Namespace, page: Page, *, prefix: str = "", status: str = "ALL") -> Listed:
        """List families in order; ACTIVE ones have an ACTIVE revision, INACTIVE ones have none."""
        parameters = {
            "namespace": str(namespace),
            "prefix": prefix,
            "status": status,
            "after": page.after or "",
            "limit": page.limit + 1,
        }
        names = await self._database.read(_names, FAMILIES, parameters)
        return listed([(name, name) for name in names], page.limit)


def _place(page: Page) -> tuple[str, int]:
    if page.after is None:
        return "", 0
    family, _, revision = page.after.rpartition(":")
    if not family:
        raise InvalidPage(page.after)
    return family, whole(revision)


def _names(connection: sqlite3.Connection, statement: str, parameters: Mapping[str, object]) -> list[str]:
    return [name for (name,) in connection.execute(statement, parameters)]


def _describe(
    connection: sqlite3.Connection, namespace: str, family: str, revision: int | None
) -> tuple[shapes.TaskDefinition, list[shapes.Tag]] | None:
    if revision is None:
        row = connection.execute(LATEST, (namespace, family)).fetchone()
    else:
        row = connection.execute(DESCRIBE, (namespace, family, revision)).fetchone()
    return None if row is None else (_doc.decode(row[0]), _tags.decode(row[1]))
