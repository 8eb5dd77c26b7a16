"""Task protection: its read model, beside the tasks'."""

import sqlite3
from collections.abc import Collection

from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace
from quarterdeck.events.task import TaskProtectionDisabled, TaskProtectionEnabled
from quarterdeck.projections.models import cluster
from quarterdeck.projections.models.database import Database

SCHEMA = """
CREATE TABLE task_protection (
    cluster INTEGER NOT NULL, task TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (cluster, task)
) WITHOUT ROWID;
CREATE INDEX task_protection_until ON task_protection (until);
"""
"""What outlives its task is let go when its time is up, two days at most."""

TABLES = ("task_protection",)

FORGET = ("DELETE FROM task_protection WHERE cluster = ?",)
PUT = "INSERT OR REPLACE INTO task_protection (cluster, task, until) VALUES (?, ?, ?)"
DELETE = "DELETE FROM task_protection WHERE cluster = ? AND task = ?"
PURGE = "DELETE FROM task_protection WHERE until < ?"
DESCRIBE = """
SELECT task.service, task.desired, until
FROM task LEFT JOIN task_protection ON task_protection.cluster = task.cluster AND task_protection.task = task.id
WHERE task.cluster = ? AND task.id = ?
"""
LIST = """
SELECT task.id FROM task_protection JOIN task ON task.cluster = task_protection.cluster AND task.id = task
WHERE task_protection.cluster = ? AND task.desired = 'RUNNING' ORDER BY task.number
"""


class Fold:
    """How events change protections."""

    def __init__(self, connection: sqlite3.Connection, clusters: cluster.Fold) -> None:
        self._connection = connection
        self._clusters = clusters

    def enabled(self, event: TaskProtectionEnabled, commit: Commit, _number: int) -> None:
        """Protect a task until a time."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        self._connection.execute(PURGE, (commit.at,))
        self._connection.execute(PUT, (inside.number, event.task, event.expires_at))

    def disabled(self, event: TaskProtectionDisabled, commit: Commit, _number: int) -> None:
        """Protect a task no longer."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        self._connection.execute(DELETE, (inside.number, event.task))


class TaskProtections:
    """What there is to ask about protections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(
        self, namespace: Namespace, cluster: str, ids: Collection[str] | None
    ) -> dict[str, shapes.ProtectedTask | None]:
        """Describe the protection of tasks, or of all that are protected; None for what is no service's task."""
        return await self._database.read(_describe, namespace, cluster, None if ids is None else tuple(ids))


def _describe(
    connection: sqlite3.Connection, namespace: Namespace, name: str, ids: tuple[str, ...] | None
) -> dict[str, shapes.ProtectedTask | None]:
    inside = cluster.number(connection, str(namespace), name)
    if ids is None:
        ids = tuple(each for (each,) in connection.execute(LIST, (inside,)))
    found: dict[str, shapes.ProtectedTask | None] = {}
    for each in ids:
        row = connection.execute(DESCRIBE, (inside, each)).fetchone()
        if row is not None:
            found[each] = _protected(namespace.task_arn(name, each), *row)
    return found


def _protected(arn: str, service: str | None, desired: str, until: float | None) -> shapes.ProtectedTask | None:
    if service is None:
        return None
    expires = until if desired == "RUNNING" else None
    return shapes.ProtectedTask(task_arn=arn, protection_enabled=expires is not None, expiration_date=expires)
