"""Memory log: faults on demand, and batches of any size lose nothing."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.events.log.errors import LogFull, OutcomeUnknown
from quarterdeck.events.log.memory import Fault, MemoryLog
from tests.events.log.worlds import fill, payloads

pytestmark = pytest.mark.timeout(20)


@pytest.mark.asyncio
async def test_an_unknown_append_breaks_the_writer_until_it_claims_again() -> None:
    log = MemoryLog()
    epoch = await log.claim("keeper-1")
    log.fail_next(Fault.UNKNOWN_LOST)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await log.append(b"lost", epoch.sequence)
    again = await log.claim("keeper-1")
    await log.append(b"kept", again.sequence)
    assert await payloads(log) == [b"kept"]


@pytest.mark.asyncio
async def test_an_unknown_append_may_be_stored() -> None:
    log = MemoryLog()
    epoch = await log.claim("keeper-1")
    log.fail_next(Fault.UNKNOWN_STORED)
    with pytest.raises(OutcomeUnknown):
        await log.append(b"stored", epoch.sequence)
    assert (await log.claim("keeper-1")).sequence == 3
    assert await payloads(log) == [b"stored"]


@pytest.mark.asyncio
async def test_a_full_disk_comes_and_goes() -> None:
    log = MemoryLog()
    epoch = await log.claim("keeper-1")
    log.fail_next(Fault.FULL)
    with pytest.raises(LogFull):
        await log.append(b"x", epoch.sequence)
    assert await log.append(b"x", epoch.sequence) == 2


@given(
    batch=st.integers(1, 7),
    bursts=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    slow=st.lists(st.integers(0, 3), min_size=1, max_size=5),
)
def test_a_follower_of_any_pace_sees_everything_once(batch: int, bursts: list[int], slow: list[int]) -> None:
    async def run() -> None:
        log = MemoryLog(batch_records_max=batch)
        last = (await log.claim("keeper-1")).sequence
        total = last + sum(bursts)

        async def follow() -> list[int]:
            seen: list[int] = []
            async for found in log.read(0, until=total, follow=True):
                assert 1 <= len(found) <= batch
                seen += [record.sequence for record in found]
                for _ in range(slow[len(seen) % len(slow)]):
                    await asyncio.sleep(0)
            return seen

        async with asyncio.TaskGroup() as group:
            following = group.create_task(follow(), name="follower")
            for burst in bursts:
                last = await fill(log, last, [b"x"] * burst)
                await asyncio.sleep(0)
        assert following.result() == list(range(1, total + 1))

    asyncio.run(run())
