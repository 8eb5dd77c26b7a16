"""The archive: what removed containers wrote, bounded by size and age, and there for the next agent too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quarterdeck.agents.archive import ArchiveDirectory, NoArchive
from quarterdeck.agents.runtimes.errors import ContainerGone
from quarterdeck.agents.runtimes.port import LogBatches
from quarterdeck.agents.settings import Keeping
from quarterdeck.events.session import LogLine, LogQuery

DAY = 86_400.0


def line(at: int, text: str = "x") -> LogLine:
    return LogLine(at, "stdout", f"{text}\n".encode())


async def batches(*lines: LogLine) -> LogBatches:
    for each in lines:
        yield [each]


async def gone() -> LogBatches:
    nothing: list[list[LogLine]] = []
    for each in nothing:
        yield each
    raise ContainerGone("No such container: web")


async def read(archive: ArchiveDirectory, task: str, query: LogQuery | None = None) -> list[LogLine]:
    found = archive.read(task, "web", query or LogQuery())
    return [each async for batch in found for each in batch]


def opened(folder: Path, **keeping: float) -> ArchiveDirectory:
    return ArchiveDirectory(folder / "logs", Keeping(**keeping))  # type: ignore[arg-type]


async def test_what_was_saved_is_read_again_by_another_agent(tmp_path: Path) -> None:
    lines = [LogLine(1, "stdout", b"out\n"), LogLine(2, "stderr", b"\xff half", whole=False), line(3)]
    await opened(tmp_path).save("one", "web", batches(*lines))
    archive = opened(tmp_path)
    assert archive.why("one", "web") == ""
    assert await read(archive, "one") == lines
    assert await read(archive, "one", LogQuery(since=2, tail=1)) == lines[2:]


async def test_saving_again_replaces_what_was_there(tmp_path: Path) -> None:
    archive = opened(tmp_path, container_bytes_max=40)
    await archive.save("one", "web", batches(*(line(at) for at in range(10))))
    await archive.save("one", "web", batches(line(77)))
    assert await read(archive, "one") == [line(77)]


async def test_what_was_saved_stays_where_there_is_nothing_to_read_from_any_more(tmp_path: Path) -> None:
    archive = opened(tmp_path, container_bytes_max=60)
    await archive.save("one", "web", batches(*(line(at) for at in range(10))))
    kept = await read(archive, "one")
    with pytest.raises(ContainerGone):
        await archive.save("one", "web", gone())
    assert await read(archive, "one") == kept != []


async def test_of_a_long_log_the_last_part_is_kept(tmp_path: Path) -> None:
    archive = opened(tmp_path, container_bytes_max=1_000)
    await archive.save("one", "web", batches(*(line(at, "x" * 20) for at in range(500))))
    kept = [each.at for each in await read(archive, "one")]
    assert kept == list(range(kept[0], 500))
    size = sum(path.stat().st_size for path in (tmp_path / "logs" / "one").iterdir())
    assert 400 < size <= 1_000


async def test_a_container_that_wrote_nothing_is_known_and_one_that_never_was_is_not(tmp_path: Path) -> None:
    archive = opened(tmp_path)
    await archive.save("one", "web", batches())
    archive.note("two", "web", "its driver can't be read back")
    assert [archive.why(task, "web") for task in ("one", "two", "three")] == ["", "its driver can't be read back", None]
    assert await read(archive, "one") == []


@pytest.mark.parametrize(
    ("keeping", "left"),
    [
        ({}, ["a", "b", "c"]),
        ({"seconds_max": 2.5 * DAY}, ["b", "c"]),
        ({"seconds_max": 0.5 * DAY}, []),
        ({"bytes_max": 70}, ["c"]),
    ],
)
async def test_what_is_too_old_or_too_much_goes_the_oldest_first(
    tmp_path: Path, keeping: dict[str, float], left: list[str]
) -> None:
    archive = opened(tmp_path, **keeping)
    now = 10 * DAY
    for age, task in ((3, "a"), (2, "b"), (1, "c")):
        await archive.save(task, "web", batches(line(1, "x" * 40)))
        os.utime(tmp_path / "logs" / task / "web.log", (now - age * DAY, now - age * DAY))
    await archive.prune(now)
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == left


async def test_an_archive_that_was_never_written_to_has_nothing_to_drop(tmp_path: Path) -> None:
    await opened(tmp_path).prune(DAY)
    assert await read(opened(tmp_path), "one") == []


async def test_simulations_keep_nothing() -> None:
    archive = NoArchive()
    await archive.save("one", "web", batches(line(1)))
    assert archive.why("one", "web") is None
    assert [batch async for batch in archive.read("one", "web", LogQuery())] == []
