"""Capacity provider: its read model."""

import sqlite3
from collections.abc import Collection

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.capacity_provider import (
    CapacityProviderCreated,
    CapacityProviderDeleted,
    CapacityProviderDeletionFailed,
    CapacityProviderEvent,
    CapacityProviderUpdated,
)
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models.database import Database

SCHEMA = """
CREATE TABLE capacity_provider (
    number INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, doc BLOB NOT NULL
);
CREATE UNIQUE INDEX capacity_provider_name ON capacity_provider (namespace, name)
"""

INSERT = """
INSERT OR REPLACE INTO capacity_provider (number, namespace, name, status, doc) VALUES (?, ?, ?, 'ACTIVE', ?)
"""
UPDATE = "UPDATE capacity_provider SET status = ?, doc = ? WHERE namespace = ? AND name = ?"
DESCRIBE = "SELECT doc FROM capacity_provider WHERE namespace = ? AND name = ?"
NAMES = "SELECT name FROM capacity_provider WHERE namespace = ? AND status = 'ACTIVE' ORDER BY number"

PREDEFINED = ("FARGATE", "FARGATE_SPOT")
"""What every account has, without an event (spec §10.1)."""

_doc = msgspec.json.Decoder(shapes.CapacityProvider)


def created_provider(namespace: Namespace, event: CapacityProviderCreated) -> shapes.CapacityProvider:
    """Describe a new capacity provider, as CreateCapacityProvider answers."""
    return shapes.CapacityProvider(
        capacity_provider_arn=namespace.capacity_provider_arn(event.capacity_provider),
        name=event.capacity_provider,
        status="ACTIVE",
        auto_scaling_group_provider=event.auto_scaling_group_provider,
        update_status="CREATE_COMPLETE",
        tags=event.tags,
        type="EC2_AUTOSCALING",
    )


class Fold:
    """How events change capacity providers."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def created(self, event: CapacityProviderCreated, commit: Commit, number: int) -> None:
        """Begin a capacity provider, also where one of its name was INACTIVE."""
        doc = created_provider(commit.scope(), event)
        row = (number, commit.namespace, event.capacity_provider, msgspec.json.encode(doc))
        self._connection.execute(INSERT, row)

    def updated(self, event: CapacityProviderUpdated, commit: Commit, _number: int) -> None:
        """Change what the caller changed."""
        provider = event.auto_scaling_group_provider
        self._change(event, commit, auto_scaling_group_provider=provider, update_status="UPDATE_COMPLETE")

    def deleted(self, event: CapacityProviderDeleted, commit: Commit, _number: int) -> None:
        """Make a capacity provider INACTIVE."""
        self._change(event, commit, status="INACTIVE", update_status="DELETE_COMPLETE")

    def deletion_failed(self, event: CapacityProviderDeletionFailed, commit: Commit, _number: int) -> None:
        """Say why it stays."""
        self._change(event, commit, update_status="DELETE_FAILED", update_status_reason=event.reason)

    def _change(self, event: CapacityProviderEvent, commit: Commit, **members: object) -> None:
        key = (commit.namespace, event.capacity_provider)
        (raw,) = self._connection.execute(DESCRIBE, key).fetchone()
        doc = msgspec.structs.replace(_doc.decode(raw), **{"update_status_reason": None, **members})
        self._connection.execute(UPDATE, (doc.status, msgspec.json.encode(doc), *key))


class CapacityProviders:
    """What there is to ask about capacity providers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def describe(
        self, namespace: Namespace, names: Collection[str], include: Collection[str] = ()
    ) -> dict[str, shapes.CapacityProvider]:
        """Describe those there are, INACTIVE ones and the predefined too; `include` knows TAGS."""
        found = await self._database.read(_describe, str(namespace), tuple(names), tags="TAGS" in include)
        return found | {name: predefined(namespace, name) for name in names if name in PREDEFINED}

    async def names(self, namespace: Namespace) -> list[str]:
        """Name all that are ACTIVE: the predefined, then the account's own in order of creation."""
        return [*PREDEFINED, *await self._database.read(_names, str(namespace))]


def predefined(namespace: Namespace, name: str) -> shapes.CapacityProvider:
    """Describe one of those every account has."""
    arn = namespace.capacity_provider_arn(name)
    return shapes.CapacityProvider(capacity_provider_arn=arn, name=name, status="ACTIVE", tags=[], type=name)


def _describe(
    connection: sqlite3.Connection, namespace: str, names: tuple[str, ...], *, tags: bool
) -> dict[str, shapes.CapacityProvider]:
    found = {}
    for name in names:
        row = connection.execute(DESCRIBE, (namespace, name)).fetchone()
        if row is not None:
            doc = _doc.decode(row[0])
            found[name] = doc if tags else msgspec.structs.replace(doc, tags=[])
    return found


def _names(connection: sqlite3.Connection, namespace: str) -> list[str]:
    return [name for (name,) in connection.execute(NAMES, (namespace,))]
