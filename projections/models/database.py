"""Database: SQLite through aiosqlite; whole functions run in its threads, one transaction each.

A file has two connections, and so two threads: a long write does not hold up reads, which see the state before it
(WAL). A private database (``:memory:``, or an empty path for a temporary file) has one connection for both.
Everything that needs aiosqlite's inner side is here.
"""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar

import aiosqlite

P = ParamSpec("P")
T = TypeVar("T")
Function = Callable[[sqlite3.Connection], T]

PRIVATE = ("", ":memory:")
CACHE_KIBIBYTES = 64 * 1024
CHECKPOINT_PAGES = 4_000
PAGE_BYTES = 16_384
BUSY_SECONDS_MAX = 10.0

SETTINGS = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",  # a power cut may lose the last transactions: the log has them
    f"PRAGMA cache_size = -{CACHE_KIBIBYTES}",
    f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}",
)


class Database:
    """The connections to one database."""

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    async def open(cls, path: str) -> "Database":
        """Open a file, made if there is none, or a private database."""
        writer = await _connect(path, SETTINGS)
        if path in PRIVATE:
            return cls(writer, writer)
        try:
            return cls(writer, await _connect(path, ("PRAGMA query_only = ON",)))
        except BaseException:
            await writer.close()
            raise

    async def write(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a function as one transaction that may write; if it raises, nothing of it is kept."""
        return await _run(self._writer, "BEGIN IMMEDIATE", lambda connection: function(connection, *args, **kwargs))

    async def read(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a function on one state of the database, between two writes."""
        return await _run(self._reader, "BEGIN", lambda connection: function(connection, *args, **kwargs))

    async def close(self) -> None:
        """Finish what was begun and close."""
        if self._reader is not self._writer:
            await self._reader.close()
        await self._writer.close()


async def _connect(path: str, settings: Iterable[str]) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS_MAX, cached_statements=256)
    try:
        for setting in settings:
            await connection.execute_fetchall(setting)
    except BaseException:  # its thread would keep the program from ending
        await connection.close()
        raise
    return connection


async def _run(connection: aiosqlite.Connection, begin: str, function: Function[T]) -> T:
    # aiosqlite's public methods hop to its thread and back once per statement.
    inner = connection._conn  # noqa: SLF001
    result: T = await connection._execute(_transact, inner, begin, function)  # type: ignore[no-untyped-call]  # noqa: SLF001
    return result


def _transact(connection: sqlite3.Connection, begin: str, function: Function[T]) -> T:
    connection.execute(begin)
    try:
        result = function(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return result
