"""The file the read models are in, and when it is worth nothing."""

import sqlite3
from pathlib import Path

import pytest

from quarterdeck.projections.models import store
from quarterdeck.projections.models.fold import Applied
from quarterdeck.projections.models.page import Page
from quarterdeck.projections.models.store import ReadModels
from tests.projections.models.examples import IRELAND, Recorder, run
from tests.projections.models.test_fold import contents, envelopes
from tests.projections.models.world import World

LOG = envelopes(World().commits(range(0, 600, 7)), 3)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "models.sqlite")


async def test_a_new_file_is_at_the_beginning_of_no_log(path: str) -> None:
    told: list[str] = []
    models = await ReadModels.open(path, told.append)
    assert await models.position() == Applied(0, "", "")
    await models.close()
    assert told == []


async def test_a_file_is_taken_up_where_it_was_left(path: str) -> None:
    models = await ReadModels.open(path)
    await models.apply(LOG[:7], "log")
    before = await contents(models)
    await models.close()
    told: list[str] = []
    models = await ReadModels.open(path, told.append)
    assert await models.position() == Applied(7, "hash-7", "log")
    assert await contents(models) == before
    await models.close()
    assert told == []


def damage(path: Path, where: slice) -> None:
    content = bytearray(path.read_bytes())
    content[where] = b"x" * (where.stop - where.start)
    path.write_bytes(content)


@pytest.mark.parametrize("damaged", [slice(0, 4096), slice(16_384, 16_384 + 4_096)])
async def test_a_damaged_file_is_begun_again(path: str, damaged: slice) -> None:
    models = await ReadModels.open(path)
    await models.apply(LOG[:7], "log")
    await models.close()
    damage(Path(path), damaged)
    told: list[str] = []
    models = await ReadModels.open(path, told.append)
    assert await models.position() == Applied(0, "", "")
    await models.close()
    assert "can't be read" in told[0]


async def test_a_crash_in_the_middle_of_a_batch_resumes_exactly(path: str) -> None:
    """The connection is gone before the commit, as when the process dies."""
    models = await ReadModels.open(path)
    await models.apply(LOG[:5], "log")

    def die(connection: sqlite3.Connection) -> None:
        models._apply(connection, LOG[5:9], "log", 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await models._database.write(die)
    await models.close()
    models, whole = await ReadModels.open(path), await ReadModels.open(":memory:")
    assert (await models.position()).sequence == 5
    await models.apply(LOG, "log")
    await whole.apply(LOG, "log")
    assert await contents(models) == await contents(whole)
    await models.close()
    await whole.close()


async def test_a_file_written_by_other_code_is_begun_again(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models = await ReadModels.open(path)
    await models.apply(LOG, "log")
    await models.close()
    monkeypatch.setattr(store, "fingerprint_of_code", lambda: "other")
    told: list[str] = []
    models = await ReadModels.open(path, told.append)
    assert (await models.position()).sequence == 0
    assert (await models.clusters.list(IRELAND, Page(10))).items == []
    await models.close()
    assert told == ["the read models were written by other code"]


async def test_a_file_of_something_else_is_begun_again(path: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE position (x)")
    connection.close()
    models = await ReadModels.open(path)
    assert (await models.position()).sequence == 0
    await models.close()


def test_the_code_that_folds_has_a_fingerprint() -> None:
    names = [name for name, _ in store._sources()]
    assert "quarterdeck.projections.models/task.py" in names
    assert "quarterdeck.projections.live/demand.py" in names
    assert store.fingerprint_of_code() == store.fingerprint_of_code()


@pytest.mark.parametrize(
    ("identity", "end", "said"),
    [
        ("log", 7, None),
        ("log", 100, None),
        ("log", 6, "the read models were at 7, the log ends at 6"),
        ("other", 100, "the read models were of the log log, not other"),
    ],
)
async def test_models_that_do_not_suit_the_log_begin_anew(identity: str, end: int, said: str | None) -> None:
    told: list[str] = []
    models = await ReadModels.open(":memory:", told.append)
    await models.apply(LOG[:7], "log")
    held = await models.suit(identity, end)
    assert told == ([said] if said else [])
    assert held.sequence == (0 if said else 7)
    assert bool((await models.clusters.list(IRELAND, Page(10))).items) is (said is None)
    await models.close()


async def test_models_that_began_anew_are_whole_again_after_the_same_log() -> None:
    models, whole = await ReadModels.open(":memory:"), await ReadModels.open(":memory:")
    await models.apply(LOG[:9], "log")
    await models.reset("told so")
    await models.apply(LOG, "log")
    await whole.apply(LOG, "log")
    assert await contents(models) == await contents(whole)
    await models.close()
    await whole.close()


async def test_a_position_moves_without_commits_too(prod: Recorder) -> None:
    before = await prod.models.position()
    after = await prod.models.apply([], "log", before.sequence + 3)
    assert after == Applied(before.sequence + 3, before.hash, "log")


async def test_a_position_never_moves_back(prod: Recorder) -> None:
    await prod.record(*run())
    before = await prod.models.position()
    assert await prod.models.apply(LOG[:1], "log", 1) == before
