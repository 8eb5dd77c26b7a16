"""The projector: follows, is waited for, begins anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from quarterdeck.events.codec import Corrupt
from quarterdeck.events.commit import Chained
from quarterdeck.events.log.port import Record
from quarterdeck.projections.models import projector as module
from quarterdeck.projections.models.page import Page
from quarterdeck.projections.models.projector import Projector, ReadModelBehind, slices
from quarterdeck.projections.models.store import ReadModels
from tests.projections.models.examples import IRELAND, cluster_created, commit
from tests.projections.models.test_fold import contents, folded
from tests.projections.models.world import World
from tests.projections.models.writer import Writer

SECONDS_MAX = 20.0


@asynccontextmanager
async def following(writer: Writer, models: ReadModels, **options: object) -> AsyncIterator[Projector]:
    projector = Projector(writer.log, models, **options)  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as group:
        running = group.create_task(projector.run(), name="projector")
        yield projector
        running.cancel()


async def clusters(models: ReadModels) -> list[str]:
    return [each.rpartition("/")[2] for each in (await models.clusters.list(IRELAND, Page(100))).items]


@pytest.fixture
def writer() -> Writer:
    return Writer()


async def test_who_waits_for_what_was_written_reads_it(writer: Writer, models: ReadModels) -> None:
    async with following(writer, models) as projector:
        for name in ("a", "b", "c"):
            sequence = await writer.write(commit(cluster_created(name)))
            await projector.wait(sequence, SECONDS_MAX)
            assert name in await clusters(models)


async def test_a_position_that_was_passed_is_not_waited_for(writer: Writer, models: ReadModels) -> None:
    async with following(writer, models) as projector:
        sequence = await writer.write(commit(cluster_created("a")))
        await projector.wait(sequence, SECONDS_MAX)
        await projector.wait(1, 0.0)


async def test_many_wait_for_many_positions(writer: Writer, models: ReadModels) -> None:
    async with following(writer, models) as projector, asyncio.TaskGroup() as group:
        for number in range(9, 1, -1):
            group.create_task(projector.wait(number, SECONDS_MAX), name=f"wait {number}")
        for number in range(10):
            await writer.write(commit(cluster_created(f"c{number}")))


async def test_who_waits_too_long_is_told_where_the_models_are(writer: Writer, models: ReadModels) -> None:
    async with following(writer, models) as projector:
        await projector.wait(await writer.write(commit(cluster_created("a"))), SECONDS_MAX)
        with pytest.raises(ReadModelBehind) as caught:
            await projector.wait(99, 0.01)
    assert str(caught.value) == (
        "the read models are at 2, 99 was not reached within 0.01 s; "
        "what was written is in the log: read again later, and see that the projector is running"
    )


async def test_who_gave_up_is_forgotten_and_others_are_still_woken(writer: Writer, models: ReadModels) -> None:
    async with following(writer, models) as projector, asyncio.TaskGroup() as group:
        patient = group.create_task(projector.wait(3, SECONDS_MAX), name="patient")
        with pytest.raises(ReadModelBehind):
            await projector.wait(2, 0.01)
        assert len(projector._waiters) == 1
        await writer.write(commit(cluster_created("a")))
        await writer.write(commit(cluster_created("b")))
        await patient


async def test_epochs_move_the_position_alone(writer: Writer, models: ReadModels) -> None:
    async with following(writer, models) as projector:
        await projector.wait(await writer.claim(), SECONDS_MAX)
        await projector.wait(await writer.write(commit(cluster_created("a"))), SECONDS_MAX)
        await projector.wait(await writer.claim(), SECONDS_MAX)
        assert (await models.position()).sequence == 3
        await projector.wait(await writer.write(commit(cluster_created("b"))), SECONDS_MAX)
        assert await clusters(models) == ["a", "b"]


async def test_a_long_log_is_folded_in_several_transactions(
    writer: Writer, models: ReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "APPLY_COMMITS_MAX", 4)
    monkeypatch.setattr(module, "DECODE_BYTES_MAX", 1)
    for each in World().commits(range(0, 900, 7)):
        end = await writer.write(each)
    async with following(writer, models) as projector:
        await projector.wait(end, SECONDS_MAX)
    whole = await folded(writer.envelopes, 1)
    assert await contents(models) == await contents(whole)
    await whole.close()


async def test_models_go_on_where_they_were(writer: Writer, models: ReadModels) -> None:
    heard: list[int] = []
    for name in ("a", "b", "c"):
        end = await writer.write(commit(cluster_created(name)))
        async with following(writer, models, on_applied=lambda each: heard.append(each.sequence)) as projector:
            await projector.wait(end, SECONDS_MAX)
    assert heard == [2, 3, 4]


async def test_who_hears_of_an_envelope_finds_it_in_the_models(writer: Writer, models: ReadModels) -> None:
    heard: list[tuple[int, int]] = []

    def hear(envelope: Chained) -> None:
        heard.append((envelope.sequence, projector.applied.sequence))

    async with following(writer, models, on_applied=hear) as projector:
        for number in range(5):
            end = await writer.write(commit(cluster_created(f"c{number}")))
        await projector.wait(end, SECONDS_MAX)
    assert [sequence for sequence, _ in heard] == [2, 3, 4, 5, 6]
    assert all(applied >= sequence for sequence, applied in heard)


async def test_a_rebuild_ends_with_the_same_models(writer: Writer) -> None:
    told: list[str] = []
    models = await ReadModels.open(":memory:", told.append)
    for each in World().commits(range(0, 300, 7)):
        end = await writer.write(each)
    async with following(writer, models) as projector:
        await projector.wait(end, SECONDS_MAX)
        before = await contents(models)
        await projector.rebuild()
        assert projector.applied.sequence == end
        assert await contents(models) == before
        await projector.wait(await writer.write(commit(cluster_created("more"))), SECONDS_MAX)
        assert "more" in await clusters(models)
    await models.close()
    assert told == ["a rebuild was asked for"]


async def test_models_ahead_of_the_log_begin_anew(writer: Writer) -> None:
    told: list[str] = []
    models = await ReadModels.open(":memory:", told.append)
    for name in ("a", "b", "c"):
        end = await writer.write(commit(cluster_created(name)))
    async with following(writer, models) as projector:
        await projector.wait(end, SECONDS_MAX)
    writer.lose(2)
    async with following(writer, models) as projector:
        await projector.wait(2, SECONDS_MAX)
        assert await clusters(models) == ["a"]
    await models.close()
    assert told == ["the read models were at 4, the log ends at 2"]


async def test_models_of_another_log_begin_anew(writer: Writer) -> None:
    told: list[str] = []
    models = await ReadModels.open(":memory:", told.append)
    other = Writer("other")
    for each, name in ((writer, "a"), (other, "b")):
        end = await each.write(commit(cluster_created(name)))
        async with following(each, models) as projector:
            await projector.wait(end, SECONDS_MAX)
    assert await clusters(models) == ["b"]
    await models.close()
    assert told == ["the read models were of the log log, not other"]


async def test_models_of_an_end_the_log_lost_begin_anew(writer: Writer) -> None:
    """The log lost its end, then grew past where the models were: only the chain of hashes shows it."""
    told: list[str] = []
    models = await ReadModels.open(":memory:", told.append)
    for name in ("a", "b"):
        end = await writer.write(commit(cluster_created(name)))
    async with following(writer, models) as projector:
        await projector.wait(end, SECONDS_MAX)
    writer.lose(2)
    for name in ("c", "d", "e"):
        end = await writer.write(commit(cluster_created(name)))
    async with following(writer, models) as projector:
        await projector.wait(end, SECONDS_MAX)
        assert await clusters(models) == ["a", "c", "d", "e"]
    await models.close()
    assert len(told) == 1
    assert told[0].startswith("the log does not go on from the read models: ")


async def test_a_log_that_was_changed_is_not_believed(writer: Writer, models: ReadModels) -> None:
    await writer.write(commit(cluster_created("a")))
    record = writer.log.store.records[-1]
    forged = record.payload.replace(b'"cluster":"a"', b'"cluster":"b"')
    writer.log.store.records[-1] = Record(record.sequence, record.at, record.kind, forged)
    with pytest.raises(Corrupt):
        await Projector(writer.log, models).run()
    assert (await models.position()).sequence == 0


def test_slices_hold_every_record_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DECODE_BYTES_MAX", 10)
    records = [Record(number, 0.0, "commits", b"x" * number) for number in range(1, 9)]
    parts = slices(records)
    assert [[each.sequence for each in part] for part in parts] == [[1, 2, 3, 4], [5, 6], [7, 8]]
