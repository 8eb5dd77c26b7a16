"""Contract: what every log promises, whatever keeps it."""

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing

import pytest

from quarterdeck.events.log.errors import Fenced, Gap, LogError, LogFull, LogUnavailable, PayloadTooLarge
from quarterdeck.events.log.port import Log, Position, Record, epoch_of
from tests.events.log.worlds import World, fill, payloads, records

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(20)]

PAYLOAD_BYTES_TOO_MANY = 1_000_001


async def collect(log: Log, after: int, count: int) -> list[Record]:
    """Follow the log until ``count`` records came."""
    found: list[Record] = []
    async with aclosing(log.read(after, follow=True)) as batches:
        async for batch in batches:
            assert batch, "a batch holds at least one record"
            found += batch
            if len(found) >= count:
                break
    return found


async def test_an_empty_log_ends_at_zero_and_reads_as_nothing(world: World) -> None:
    async with world.open() as log:
        assert (await log.position()).sequence == 0
        assert await records(log) == []


async def test_a_claim_is_the_first_record_and_can_be_read_back(world: World) -> None:
    async with world.open() as log:
        epoch = await log.claim("keeper-1")
        (record,) = await records(log)
        assert (epoch.number, epoch.sequence, epoch.node) == (1, 1, "keeper-1")
        assert (record.kind, epoch_of(record)) == ("epoch", epoch)


async def test_appends_are_read_in_order_with_their_bytes(world: World) -> None:
    async with world.open() as log:
        epoch = await log.claim("keeper-1")
        wanted = [bytes([n]) * n for n in range(1, 60)]
        last = await fill(log, epoch.sequence, wanted)
        assert [record.sequence for record in await records(log)] == list(range(1, last + 1))
        assert await payloads(log) == wanted
        assert (await log.position()).sequence == last == 60


async def test_the_position_names_the_same_log_to_every_handle(world: World) -> None:
    async with world.open() as one, world.open() as other:
        await one.claim("keeper-1")
        position = await one.position()
        assert position == await other.position()
        assert isinstance(position, Position)
        assert position.identity


async def test_reading_starts_behind_after_and_ends_at_until(world: World) -> None:
    async with world.open() as log:
        epoch = await log.claim("keeper-1")
        await fill(log, epoch.sequence, [b"x"] * 9)
        assert [record.sequence for record in await records(log, 4, until=7)] == [5, 6, 7]
        assert [record.sequence for record in await records(log, 8, until=99)] == [9, 10]
        assert await records(log, 10) == []
        assert await records(log, 5, until=5) == []


async def test_following_until_a_position_ends_there(world: World) -> None:
    async with world.open() as log:
        epoch = await log.claim("keeper-1")
        await fill(log, epoch.sequence, [b"x"] * 9)
        found = [record.sequence async for batch in log.read(2, until=6, follow=True) for record in batch]
        assert found == [3, 4, 5, 6]


async def test_a_reader_ahead_of_the_log_learns_of_it(world: World) -> None:
    async with world.open() as log:
        await log.claim("keeper-1")
        with pytest.raises(Gap):
            await records(log, 2)
        with pytest.raises(Gap):
            await collect(log, 2, 1)


async def test_a_follower_sees_later_appends(world: World) -> None:
    async with world.open() as log, world.open() as other, asyncio.TaskGroup() as group:
        epoch = await log.claim("keeper-1")
        following = group.create_task(collect(other, 0, 21), name="follower")
        await fill(log, epoch.sequence, [b"%d" % n for n in range(20)])
        found = await following
        assert [record.sequence for record in found] == list(range(1, 22))
        assert [record.payload for record in found[1:]] == [b"%d" % n for n in range(20)]


async def test_a_slow_follower_loses_nothing(world: World) -> None:
    async with world.open() as log, world.open() as other:
        epoch = await log.claim("keeper-1")
        last = await fill(log, epoch.sequence, [b"x" * 1000] * 100)
        seen: list[int] = []
        async with aclosing(other.read(0, follow=True)) as batches:
            async for batch in batches:
                seen += [record.sequence for record in batch]
                if last < 300:
                    last = await fill(log, last, [b"y" * 1000] * 50)
                if seen[-1] == last:
                    break
        assert seen == list(range(1, last + 1))


async def test_nothing_is_appended_before_a_claim(world: World) -> None:
    async with world.open() as log:
        with pytest.raises(Fenced):
            await log.append(b"early", 0)
        assert (await log.position()).sequence == 0


async def test_a_second_claim_fences_the_first_writer(world: World) -> None:
    async with world.open() as old, world.open() as new:
        last = await fill(old, (await old.claim("old")).sequence, [b"a"])
        epoch = await new.claim("new")
        assert (epoch.number, epoch.sequence) == (2, last + 1)
        with pytest.raises(Fenced):
            await old.append(b"stale", last)
        await new.append(b"b", epoch.sequence)
        assert await payloads(new) == [b"a", b"b"]


async def test_a_fenced_writer_stays_fenced_even_when_it_guesses_the_position(world: World) -> None:
    async with world.open() as old, world.open() as new:
        epoch = await old.claim("old")
        second = await new.claim("new")
        with pytest.raises(Fenced):
            await old.append(b"stale", epoch.sequence)
        with pytest.raises(Fenced):
            await old.append(b"guess", second.sequence)
        third = await old.claim("old")
        await old.append(b"again", third.sequence)
        assert await payloads(new) == [b"again"]


async def test_an_append_at_a_stale_or_future_position_is_fenced(world: World) -> None:
    async with world.open() as log:
        for wrong in (-1, 1):
            epoch = await log.claim("keeper-1")
            with pytest.raises(Fenced):
                await log.append(b"x", epoch.sequence + wrong)
        assert await payloads(log) == []


async def test_appends_in_flight_of_a_fenced_writer_all_fail(world: World) -> None:
    async with world.open() as old, world.open() as new:
        epoch = await old.claim("old")
        await new.claim("new")
        async with asyncio.TaskGroup() as group:
            calls = [caught(old.append(b"%d" % n, epoch.sequence + n)) for n in range(4)]
            tasks = [group.create_task(call, name="append") for call in calls]
        assert all(isinstance(task.result(), Fenced) for task in tasks)
        assert await payloads(new) == []


async def caught(call: Awaitable[int]) -> int | LogError:
    """Await an append and give back its error as a value."""
    try:
        return await call
    except LogError as error:
        return error


async def test_pipelined_appends_are_stored_in_the_order_sent(world: World) -> None:
    async with world.open() as log:
        last = (await log.claim("keeper-1")).sequence
        for _ in range(20):
            async with asyncio.TaskGroup() as group:
                one = group.create_task(log.append(b"%d" % last, last), name="one")
                two = group.create_task(log.append(b"%d" % (last + 1), last + 1), name="two")
            assert (one.result(), two.result()) == (last + 1, last + 2)
            last += 2
        assert await payloads(log) == [b"%d" % n for n in range(1, last)]


async def test_what_is_stored_of_a_pipeline_is_a_prefix(world: World) -> None:
    """Eight appends in flight while another claims: the first ones are in, the others are not."""
    async with world.open() as old, world.open() as new:
        for _ in range(10):
            last = (await old.claim("old")).sequence
            before = len(await payloads(old))
            async with asyncio.TaskGroup() as group:
                calls = [caught(old.append(b"%d" % n, last + n)) for n in range(8)]
                tasks = [group.create_task(call, name="append") for call in calls]
                group.create_task(new.claim("new"), name="claim")
            stored = [isinstance(task.result(), int) for task in tasks]
            assert stored == sorted(stored, reverse=True)
            assert (await payloads(new))[before:] == [b"%d" % n for n in range(sum(stored))]


async def test_concurrent_claims_all_get_an_epoch_and_the_last_one_may_write(world: World) -> None:
    async with world.open() as one, world.open() as two:
        for round_ in range(5):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(log.claim(name), name=name) for log, name in ((one, "one"), (two, "two"))]
            epochs = {task.result().number: task.result() for task in tasks}
            assert sorted(epochs) == [3 * round_ + 1, 3 * round_ + 2]
            winner, loser = (one, two) if epochs[3 * round_ + 2].node == "one" else (two, one)
            assert await winner.append(b"x", epochs[3 * round_ + 2].sequence) == epochs[3 * round_ + 2].sequence + 1
            with pytest.raises(Fenced):
                await loser.append(b"y", epochs[3 * round_ + 1].sequence)
            assert (await loser.claim("next")).number == 3 * round_ + 3


async def test_a_payload_over_the_limit_is_refused_and_harms_nothing(world: World) -> None:
    async with world.open() as log:
        epoch = await log.claim("keeper-1")
        with pytest.raises(PayloadTooLarge):
            await log.append(bytes(PAYLOAD_BYTES_TOO_MANY), epoch.sequence)
        last = await log.append(bytes(PAYLOAD_BYTES_TOO_MANY - 1), epoch.sequence)
        assert [len(payload) for payload in await payloads(log)] == [PAYLOAD_BYTES_TOO_MANY - 1]
        assert last == epoch.sequence + 1


async def test_a_full_log_refuses_and_stays_readable(world: World) -> None:
    async with world.open(small=True) as log:
        last = (await log.claim("keeper-1")).sequence
        with pytest.raises(LogFull):
            for _ in range(100):
                last = await log.append(bytes(10_000), last)
        assert (await log.position()).sequence == last
        found = await records(log)
        assert [record.sequence for record in found] == list(range(1, last + 1))
        with pytest.raises(LogFull):
            await log.append(bytes(10_000), last)


async def test_a_full_log_fails_what_is_behind_in_flight_and_takes_what_fits(world: World) -> None:
    async with world.open(small=True) as log:
        last = await fill(log, (await log.claim("keeper-1")).sequence, [bytes(50_000)] * 3)
        async with asyncio.TaskGroup() as group:
            one = group.create_task(caught(log.append(bytes(100_000), last)), name="one")
            two = group.create_task(caught(log.append(b"small", last + 1)), name="two")
        assert isinstance(one.result(), LogFull)
        assert isinstance(two.result(), LogFull)
        assert await log.append(b"small", last) == last + 1


async def test_a_closed_log_is_unavailable(world: World) -> None:
    async with world.open() as log:
        await log.claim("keeper-1")
        await log.close()
        with pytest.raises(LogUnavailable):
            await log.append(b"x", 1)
        with pytest.raises(LogUnavailable):
            await log.position()
        with pytest.raises(LogUnavailable):
            await log.claim("keeper-1")


async def test_closing_ends_a_follower(world: World) -> None:
    async with world.open() as log, world.open() as other:
        epoch = await log.claim("keeper-1")
        with pytest.raises(LogUnavailable):
            async for batch in other.read(0, follow=True):
                assert batch[-1].sequence == epoch.sequence
                await other.close()
