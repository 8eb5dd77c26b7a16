"""Account setting: its read model: what each principal chose."""

import sqlite3

from quarterdeck.events.account_setting import AccountSettingDeleted, AccountSettingPut
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models.database import Database

SCHEMA = """
CREATE TABLE account_setting (
    namespace TEXT NOT NULL, principal TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (namespace, principal, name)
) WITHOUT ROWID
"""

PUT = "INSERT OR REPLACE INTO account_setting (namespace, principal, name, value) VALUES (?, ?, ?, ?)"
DELETE = "DELETE FROM account_setting WHERE namespace = ? AND principal = ? AND name = ?"
CHOSEN = "SELECT name, value FROM account_setting WHERE namespace = ? AND principal = ?"


class Fold:
    """How events change account settings."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put(self, event: AccountSettingPut, commit: Commit, _number: int) -> None:
        """Remember a principal's choice."""
        self._connection.execute(PUT, (commit.namespace, event.principal, event.name, event.value))

    def deleted(self, event: AccountSettingDeleted, commit: Commit, _number: int) -> None:
        """Forget a principal's choice."""
        self._connection.execute(DELETE, (commit.namespace, event.principal, event.name))


class AccountSettings:
    """What there is to ask about account settings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chosen(self, namespace: Namespace, principal: str) -> dict[str, str]:
        """Tell what a principal chose, by the setting's name."""
        return await self._database.read(_chosen, str(namespace), principal)


def _chosen(connection: sqlite3.Connection, namespace: str, principal: str) -> dict[str, str]:
    return dict(connection.execute(CHOSEN, (namespace, principal)).fetchall())
