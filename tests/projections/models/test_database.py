"""Transactions in SQLite's threads."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from quarterdeck.projections.models.database import Database

CREATE = "CREATE TABLE number (number INTEGER PRIMARY KEY)"
INSERT = "INSERT INTO number VALUES (?)"
COUNT = "SELECT count(*) FROM number"


def count(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute(COUNT).fetchone()
    return int(found)


def insert(connection: sqlite3.Connection, *numbers: int) -> None:
    connection.executemany(INSERT, [(number,) for number in numbers])


@pytest.mark.parametrize("name", ["file", ":memory:", ""])
async def test_a_function_that_raises_leaves_nothing(tmp_path: Path, name: str) -> None:
    database = await Database.open(str(tmp_path / name) if name == "file" else name)
    try:
        await database.write(lambda connection: connection.execute(CREATE))
        with pytest.raises(sqlite3.IntegrityError):
            await database.write(insert, 1, 2, 1)
        assert await database.read(count) == 0
        await database.write(insert, 1, 2)
        assert await database.read(count) == 2
    finally:
        await database.close()


async def test_reads_of_a_file_do_not_wait_for_a_write_and_see_the_state_before_it(tmp_path: Path) -> None:
    database = await Database.open(str(tmp_path / "file"))
    written, go_on = threading.Event(), threading.Event()

    def write(connection: sqlite3.Connection) -> None:
        insert(connection, 1)
        written.set()
        assert go_on.wait(timeout=10)

    def read(connection: sqlite3.Connection) -> int:
        assert written.wait(timeout=10)
        found = count(connection)
        go_on.set()
        return found

    try:
        await database.write(lambda connection: connection.execute(CREATE))
        writing = database.write(write)
        reading = database.read(read)
        async with asyncio.TaskGroup() as group:
            group.create_task(writing, name="write")
            before = group.create_task(reading, name="read")
        assert (before.result(), await database.read(count)) == (0, 1)
    finally:
        await database.close()


async def test_readers_cannot_write(tmp_path: Path) -> None:
    database = await Database.open(str(tmp_path / "file"))
    try:
        with pytest.raises(sqlite3.OperationalError):
            await database.read(lambda connection: connection.execute(CREATE))
    finally:
        await database.close()


async def test_a_file_that_is_no_database_leaves_no_thread_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no database" * 1_000)
    before = set(threading.enumerate())
    with pytest.raises(sqlite3.DatabaseError):
        await Database.open(str(tmp_path / "file"))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
        assert not thread.is_alive()
