"""Store: the read models in one SQLite database, and how far they are.

A file is thrown away and begun again when it is damaged, or the code that folds is not the code that wrote it, and
emptied when it is of another log, or ahead of its log: everything in it comes from the log.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from quarterdeck.events.codec import GENESIS
from quarterdeck.events.commit import Chained
from quarterdeck.projections.models.account_setting import AccountSettings
from quarterdeck.projections.models.attribute import Attributes
from quarterdeck.projections.models.capacity_provider import CapacityProviders
from quarterdeck.projections.models.cluster import Clusters
from quarterdeck.projections.models.container_instance_query import ContainerInstances
from quarterdeck.projections.models.database import PRIVATE, Database
from quarterdeck.projections.models.fold import SCHEMAS, Applied, Fold, position
from quarterdeck.projections.models.service_deployment_query import ServiceDeployments
from quarterdeck.projections.models.service_query import Services
from quarterdeck.projections.models.task_definition import TaskDefinitions
from quarterdeck.projections.models.task_protection import TaskProtections
from quarterdeck.projections.models.task_query import Tasks
from quarterdeck.projections.models.task_set import TaskSets

CODE = ("quarterdeck.projections.models", "quarterdeck.projections.live", "quarterdeck.events")
"""The packages whose code decides what the models hold."""

TABLES_EXIST = "SELECT count(*) FROM sqlite_master"
FINGERPRINT = "SELECT fingerprint FROM position"
EMPTY = (
    "DELETE FROM task_protection",
    "DELETE FROM service_deployment",
    "DELETE FROM service_revision",
    "DELETE FROM service_event",
    "DELETE FROM deployment",
    "DELETE FROM service",
    "DELETE FROM task",
    "DELETE FROM container_instance_count",
    "DELETE FROM container_instance",
    "DELETE FROM cluster_count",
    "DELETE FROM cluster",
    "DELETE FROM task_definition",
    "DELETE FROM capacity_provider",
    "DELETE FROM account_setting",
)
BEGIN = "INSERT OR REPLACE INTO position (only, sequence, hash, identity, fingerprint) VALUES (1, 0, ?, ?, ?)"

OnRebuild = Callable[[str], None]
"""Told why the models begin anew, in a sentence."""


class ReadModels:
    """Every noun's read model; ask them by their attributes."""

    def __init__(self, database: Database, fingerprint: str, on_rebuild: OnRebuild) -> None:
        self._database = database
        self._fingerprint = fingerprint
        self._on_rebuild = on_rebuild
        self._fold: Fold | None = None
        self.clusters = Clusters(database)
        self.container_instances = ContainerInstances(database)
        self.task_definitions = TaskDefinitions(database)
        self.services = Services(database)
        self.tasks = Tasks(database)
        self.service_deployments = ServiceDeployments(database)
        self.task_sets = TaskSets(database)
        self.task_protections = TaskProtections(database)
        self.attributes = Attributes(database)
        self.capacity_providers = CapacityProviders(database)
        self.account_settings = AccountSettings(database)

    @classmethod
    async def open(cls, path: str, on_rebuild: OnRebuild | None = None) -> "ReadModels":
        """Open a file, or ``:memory:``, or a temporary file (``""``); make what is missing."""
        tell = on_rebuild or _silent
        fingerprint = fingerprint_of_code()
        wrong = "" if path in PRIVATE else await _worthless(path, fingerprint)
        if wrong:
            tell(wrong)
            _remove(path)
        database = await Database.open(path)
        try:
            await database.write(_create, fingerprint)
        except BaseException:
            await database.close()
            raise
        return cls(database, fingerprint, tell)

    async def position(self) -> Applied:
        """Tell how far the models are, and of which log."""
        return await self._database.read(position)

    async def apply(self, batch: Sequence[Chained], identity: str, sequence: int = 0) -> Applied:
        """Fold a batch in, whole or not at all, and move to its end, or to `sequence` if that is further.

        Envelopes that are known are skipped. Tells how far the models are now.
        """
        return await self._database.write(self._apply, batch, identity, sequence)

    async def suit(self, identity: str, sequence: int) -> Applied:
        """Begin anew if the models are not of the log `identity`, or further than its end `sequence`."""
        held = await self.position()
        if held.sequence and held.identity != identity:
            return await self.reset(f"the read models were of the log {held.identity}, not {identity}")
        if held.sequence > sequence:
            return await self.reset(f"the read models were at {held.sequence}, the log ends at {sequence}")
        return held

    async def reset(self, reason: str) -> Applied:
        """Begin anew, empty."""
        self._on_rebuild(reason)
        return await self._database.write(self._reset)

    async def close(self) -> None:
        """Finish what was begun and close."""
        await self._database.close()

    def _apply(self, connection: sqlite3.Connection, batch: Sequence[Chained], identity: str, sequence: int) -> Applied:
        fold, self._fold = self._fold or Fold(connection), None
        applied = fold.apply(batch, identity, sequence)
        self._fold = fold
        return applied

    def _reset(self, connection: sqlite3.Connection) -> Applied:
        self._fold = None
        for statement in EMPTY:
            connection.execute(statement)
        connection.execute(BEGIN, (GENESIS, "", self._fingerprint))
        return position(connection)


def fingerprint_of_code() -> str:
    """Digest the code that folds; a file written by other code is worth nothing."""
    digest = hashlib.sha256()
    for name, source in _sources():
        digest.update(name.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[tuple[str, bytes]]:
    for package in CODE:
        for entry in sorted(files(package).iterdir(), key=lambda each: each.name):
            if entry.name.endswith(".py"):
                yield f"{package}/{entry.name}", entry.read_bytes()


async def _worthless(path: str, fingerprint: str) -> str:
    """Say why a file has to be begun again; empty if it has not."""
    try:
        database = await Database.open(path)
        try:
            writer = await database.read(_written_by)
        finally:
            await database.close()
    except sqlite3.OperationalError:  # it can't be reached or is in use, which says nothing of what it holds
        raise
    except sqlite3.DatabaseError as error:
        return f"the read models can't be read: {error}"
    return "" if writer in {"", fingerprint} else "the read models were written by other code"


def _written_by(connection: sqlite3.Connection) -> str:
    """Read the fingerprint of the code that wrote a file; empty for a new file."""
    (tables,) = connection.execute(TABLES_EXIST).fetchone()
    if not tables:
        return ""
    try:
        row = connection.execute(FINGERPRINT).fetchone()
    except sqlite3.OperationalError:
        return "unknown"
    return row[0] if row else "unknown"


def _create(connection: sqlite3.Connection, fingerprint: str) -> None:
    (tables,) = connection.execute(TABLES_EXIST).fetchone()
    if tables:
        return
    for schema in SCHEMAS:
        for statement in schema.split(";"):
            connection.execute(statement)
    connection.execute(BEGIN, (GENESIS, "", fingerprint))


def _remove(path: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(path + suffix).unlink(missing_ok=True)


def _silent(_reason: str) -> None:
    """For who does not want to know."""
