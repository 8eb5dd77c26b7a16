"""The past: the same models with another end."""

import pytest
from msgspec.structs import replace

from quarterdeck.projections.models import history
from quarterdeck.projections.models.history import as_of
from tests.projections.models.test_fold import contents, folded
from tests.projections.models.world import World
from tests.projections.models.writer import Writer

STORY = World().commits(range(0, 700, 7))


@pytest.fixture
async def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    """A log with three commits an envelope, behind an epoch marker, folded a few at a time."""
    monkeypatch.setattr(history, "APPLY_COMMITS_MAX", 5)
    writer = Writer()
    for start in range(0, len(STORY), 3):
        await writer.write(*STORY[start : start + 3])
    return writer


async def same(writer: Writer, commits: int, **end: float) -> bool:
    """Whether the past is what folding the first commits of the story gives."""
    past = await as_of(writer.log, **end)  # type: ignore[arg-type]
    kept = {each.id for each in STORY[:commits]}
    cut = [replace(each, commits=[one for one in each.commits if one.id in kept]) for each in writer.envelopes]
    whole = await folded([each for each in cut if each.commits], 1)
    try:
        return await contents(past) == await contents(whole)
    finally:
        await past.close()
        await whole.close()


@pytest.mark.parametrize("envelopes", [1, 2, 7, 20])
async def test_the_past_at_a_position_is_the_fold_up_to_it(writer: Writer, envelopes: int) -> None:
    assert await same(writer, 3 * envelopes, sequence=1 + envelopes)


@pytest.mark.parametrize("commits", [1, 2, 3, 4, 17, 60])
async def test_the_past_at_a_time_holds_what_was_decided_by_then(writer: Writer, commits: int) -> None:
    at = STORY[commits - 1].at
    assert await same(writer, commits, at=at)
    assert await same(writer, commits, at=at + 0.5)


async def test_whichever_end_comes_first_is_the_end(writer: Writer) -> None:
    assert await same(writer, 6, sequence=3, at=STORY[-1].at)
    assert await same(writer, 2, sequence=3, at=STORY[1].at)


async def test_without_an_end_the_past_is_the_present(writer: Writer) -> None:
    assert await same(writer, len(STORY))
    past = await as_of(writer.log)
    assert (await past.position()).sequence == writer.end
    await past.close()


async def test_before_the_beginning_there_was_nothing(writer: Writer) -> None:
    past = await as_of(writer.log, at=STORY[0].at - 1)
    assert (await contents(past))["listed clusters"].items == []
    await past.close()
