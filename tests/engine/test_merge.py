"""Lines of several containers in one order: by time where one can know it, soon where one can't."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.engine import merge
from quarterdeck.engine.merge import Merge


class Said(msgspec.Struct, frozen=True):
    at: int
    who: str = ""


def merging() -> Merge[Said]:
    return Merge()


def second(seconds: float) -> int:
    return round(seconds * 1e9)


async def merged(*sources: list[int]) -> list[int]:
    merge = merging()
    for items in sources:
        source = merge.source()
        source.items.extend((0.0, Said(at)) for at in items)
        source.end()
    merge.close()
    return [item.at async for item in merge.items()]


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), max_size=5))
def test_what_was_written_comes_in_the_order_of_its_times(sources: list[list[int]]) -> None:
    found = asyncio.run(merged(*(sorted(each) for each in sources)))
    assert found == sorted(at for each in sources for at in each)


async def test_one_that_is_quiet_is_waited_for() -> None:
    merged = merging()
    quick, slow = merged.source(), merged.source()

    async def late() -> None:
        await slow.put([Said(1, "slow")])
        slow.end()

    async with asyncio.TaskGroup() as group, aclosing(merged.items()) as items:
        await quick.put([Said(2, "quick")])
        group.create_task(late())
        assert [(await anext(items)).who for _ in range(2)] == ["slow", "quick"]


async def test_what_is_new_waits_for_the_others_a_moment_and_what_is_old_does_not() -> None:
    merged = merging()
    loop = asyncio.get_running_loop()
    source, quiet = merged.source(), merged.source()
    quiet.quiet_since -= 10
    async with aclosing(merged.items()) as items:
        await source.put([Said(second(995)), Said(second(1_000))])
        began = loop.time()
        assert (await anext(items)).at == second(995)
        assert loop.time() - began < merge.WAIT_SECONDS
        assert (await anext(items)).at == second(1_000)
        assert loop.time() - began >= merge.WAIT_SECONDS * 0.9


async def test_a_source_waits_while_too_much_of_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "LINES_WAITING_MAX", 2)
    merged = merging()
    source = merged.source()
    async with asyncio.TaskGroup() as group, aclosing(merged.items()) as items:
        putting = group.create_task(source.put([Said(1), Said(2)]))
        await asyncio.sleep(0)
        assert not putting.done()
        assert await anext(items) == Said(1)
        await putting


async def test_a_failure_comes_out() -> None:
    merged = merging()
    merged.fail(ValueError("weather"))
    with pytest.raises(ValueError, match="weather"):
        await anext(merged.items())
