"""The keeper on a log that fails on demand: what is answered is so, what is not so is not in the state."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from typing import Any

import msgspec
import pytest

from quarterdeck.engine.core import cluster
from quarterdeck.engine.core.errors import ClusterNotFoundException, ConflictException, ServerException
from quarterdeck.engine.core.turn import Settings, Turn
from quarterdeck.engine.doors.door import Call
from quarterdeck.engine.replica import ReplicaSettings, running
from quarterdeck.engine.shell import keeper as module
from quarterdeck.engine.shell.aside import SECONDS_MAX as ASIDE_SECONDS_MAX
from quarterdeck.engine.shell.aside import Aside
from quarterdeck.engine.shell.command import Command, NotKeeper, Outcome
from quarterdeck.engine.shell.ids import SeededIds
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events import shapes
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.codec import unseal
from quarterdeck.events.log.memory import Fault, MemoryLog
from quarterdeck.events.names import Namespace
from quarterdeck.events.wanted import Heartbeat
from quarterdeck.projections.live.view import LiveView

NAMESPACE = Namespace("us-east-1", "000000000000")
SECONDS_MAX = 10


class ClockByHand:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> float:
        return self.at


@asynccontextmanager
async def keeping(log: MemoryLog, node: str = "a", clock: ClockByHand | None = None) -> AsyncIterator[Keeper]:
    """Keep the log for the length of a block."""
    keeper = Keeper(log, clock or ClockByHand(), SeededIds(1), Settings(), node)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ended(keeper), name="keeper")
        await keeper.kept()
        yield keeper
        task.cancel()


async def ended(keeper: Keeper) -> None:
    with suppress(NotKeeper):
        await keeper.run()


def creation(name: str, token: str = "", digest: str = "") -> Command:
    request = shapes.CreateClusterRequest(cluster_name=name)
    return command(partial(_create, request), token, digest)


def command(decide: Callable[[Turn], Any], token: str = "", digest: str = "") -> Command:
    return Command(
        namespace=str(NAMESPACE), operation="CreateCluster", actor="test", decide=decide, token=token, digest=digest
    )


def _create(request: shapes.CreateClusterRequest, turn: Turn) -> Any:
    return cluster.create(turn, request)


def clusters(keeper: Keeper) -> set[str]:
    state = keeper.view.namespaces.get(str(NAMESPACE))
    return set(state.clusters) if state else set()


async def told(log: MemoryLog) -> list[str]:
    """Names of the clusters created, as the log says."""
    names = []
    async with aclosing(log.another().read()) as batches:
        async for batch in batches:
            for record in batch:
                if record.kind == "commits":
                    for commit in unseal(record.payload, record.sequence, None).commits:
                        names += [each.cluster for each in commit.events if isinstance(each, ClusterCreated)]
    return names


async def folded(log: MemoryLog) -> LiveView:
    """The state as the log has it."""
    view = LiveView()
    async with aclosing(log.another().read()) as batches:
        async for batch in batches:
            for record in batch:
                view.sequence = record.sequence
                if record.kind == "commits":
                    view.fold(unseal(record.payload, record.sequence, view.hash))
    return view


async def agree(keeper: Keeper, log: MemoryLog) -> None:
    assert keeper.view.fingerprint() == (await folded(log)).fingerprint()
    assert keeper.sequence == len(log.store.records)


@pytest.mark.parametrize("fault", [Fault.UNKNOWN_STORED, Fault.UNKNOWN_LOST])
async def test_an_append_nobody_answered_is_resolved_by_reading(fault: Fault) -> None:
    log = MemoryLog()
    async with keeping(log) as keeper:
        await keeper.submit(creation("first"))
        log.fail_next(fault)
        outcomes = await all_of(keeper, [f"c{number}" for number in range(5)])
        assert await told(log) == ["first", *(f"c{number}" for number in range(5))]
        assert keeper.epoch == 2
        assert {each.sequence for each in outcomes} == {3 if fault is Fault.UNKNOWN_STORED else 4}
        await agree(keeper, log)


async def all_of(keeper: Keeper, names: list[str]) -> list[Outcome]:
    async with asyncio.timeout(SECONDS_MAX), asyncio.TaskGroup() as group:
        asked = [group.create_task(keeper.submit(creation(name))) for name in names]
    return [each.result() for each in asked]


async def test_an_append_that_is_lost_again_and_again_is_given_up_with_words() -> None:
    log = MemoryLog()
    async with keeping(log) as keeper:
        log.fail_next(*[Fault.UNKNOWN_LOST] * module.TRIES_MAX)
        with pytest.raises(ServerException, match="Nothing was changed"):
            await keeper.submit(creation("first"))
        assert await told(log) == []
        await keeper.submit(creation("first"))
        await agree(keeper, log)


async def test_a_full_log_is_told_and_left_behind_once_there_is_room() -> None:
    log = MemoryLog()
    async with keeping(log) as keeper:
        log.fail_next(Fault.FULL)
        with pytest.raises(ServerException, match="full"):
            await keeper.submit(creation("first"))
        with pytest.raises(ServerException, match="full"):
            await keeper.submit(creation("second"))
        clock = keeper.clock
        assert isinstance(clock, ClockByHand)
        clock.at += module.FULL_PAUSE_SECONDS
        await keeper.kept()
        assert clusters(keeper) == set()
        await keeper.submit(creation("third"))
        assert await told(log) == ["third"]
        await agree(keeper, log)


async def test_a_decision_that_fails_half_way_leaves_nothing() -> None:
    def half(turn: Turn) -> None:
        _create(shapes.CreateClusterRequest(cluster_name="phantom"), turn)
        raise ZeroDivisionError

    log = MemoryLog()
    async with keeping(log) as keeper:
        await keeper.submit(creation("first"))
        with pytest.raises(ServerException, match="ZeroDivisionError"):
            await keeper.submit(command(half))
        with pytest.raises(NotKeeper):
            keeper.decide(creation("on a phantom"))
        await keeper.submit(creation("second"))
        assert clusters(keeper) == {"first", "second"}
        assert await told(log) == ["first", "second"]
        await agree(keeper, log)


async def test_a_decision_that_failed_is_put_aside_longer_every_time_and_others_go_on() -> None:
    failing = True

    def half(turn: Turn) -> None:
        _create(shapes.CreateClusterRequest(cluster_name="phantom"), turn)
        if failing:
            raise ZeroDivisionError

    log, sick, clock = MemoryLog(), msgspec.structs.replace(command(half), about=("sick",)), ClockByHand()
    async with keeping(log, clock=clock) as keeper:
        for seconds in (10, 20, 40):
            with pytest.raises(ServerException, match="failed inside the engine: ZeroDivisionError"):
                await keeper.submit(sick)
            await keeper.kept()
            epoch = keeper.epoch
            clock.at += seconds - 1
            with pytest.raises(ServerException, match=r"ZeroDivisionError\(\)\. It is not tried again for 1 s"):
                await keeper.submit(sick)
            await keeper.submit(creation(f"after-{seconds}"))
            assert keeper.epoch == epoch, "a decision that is put aside costs no fold"
            clock.at += 1
        failing = False
        await keeper.submit(sick)
        assert clusters(keeper) == {"after-10", "after-20", "after-40", "phantom"}
        await agree(keeper, log)


@pytest.mark.parametrize(("about", "tried"), [(("sick",), 1), (shapes.CreateClusterRequest(), 3)])
async def test_a_decision_that_fails_before_it_changes_anything_is_put_aside_if_it_is_the_schedulers(
    about: object, tried: int
) -> None:
    tries = []

    def fail(turn: Turn) -> None:
        tries.append(turn)
        raise ZeroDivisionError

    async with keeping(MemoryLog()) as keeper:
        for _ in range(3):
            with pytest.raises(ServerException, match="ZeroDivisionError"):
                await keeper.submit(msgspec.structs.replace(command(fail), about=about))
    assert len(tries) == tried


async def test_a_decision_put_aside_waits_half_an_hour_at_most() -> None:
    clock = ClockByHand()
    aside, sick = Aside(clock), msgspec.structs.replace(command(lambda _turn: None), about=("sick",))
    for _ in range(40):
        aside.put(sick, "a bug")
    clock.at += ASIDE_SECONDS_MAX
    aside.check(sick)
    aside.put(sick, "a bug")
    aside.drop(sick)
    aside.check(sick)


async def test_a_decision_too_large_for_a_commit_changes_nothing() -> None:
    def large(turn: Turn) -> None:
        for number in range(2_000):
            tag = shapes.Tag(key="x", value="y" * 600)
            turn.emit(ClusterCreated(cluster=f"c{number}", tags=[tag]))

    log = MemoryLog()
    async with keeping(log) as keeper:
        with pytest.raises(ServerException, match="more than one commit can hold"):
            await keeper.submit(command(large))
        await keeper.submit(creation("first"))
        assert clusters(keeper) == {"first"}
        await agree(keeper, log)


async def test_a_caller_that_goes_away_changes_nothing_for_others() -> None:
    log = MemoryLog()
    async with keeping(log) as keeper:
        async with asyncio.timeout(SECONDS_MAX), asyncio.TaskGroup() as group:
            callers = [group.create_task(keeper.submit(creation(f"c{number}"))) for number in range(10)]
            await asyncio.sleep(0)
            for caller in callers[::2]:
                caller.cancel()
        assert all(caller.cancelled() for caller in callers[::2])
        assert all(caller.result().sequence for caller in callers[1::2])
        await keeper.submit(creation("last"))
        assert {f"c{number}" for number in range(1, 10, 2)} < clusters(keeper)
        await agree(keeper, log)


async def test_a_refusal_waits_for_what_it_was_based_on() -> None:
    log = MemoryLog()
    async with keeping(log) as keeper:
        deletion = command(lambda turn: cluster.delete(turn, shapes.DeleteClusterRequest(cluster="none")))
        async with asyncio.TaskGroup() as group:
            created = group.create_task(keeper.submit(creation("first")))
            await asyncio.sleep(0)
            with pytest.raises(ClusterNotFoundException):
                await keeper.submit(deletion)
            assert created.done()


async def test_another_keeper_fences_this_one() -> None:
    log = MemoryLog()
    async with keeping(log) as old:
        await old.submit(creation("first"))
        async with keeping(log.another(), "b") as new:
            await new.submit(creation("second"))
            with pytest.raises(NotKeeper):
                await old.submit(creation("third"))
            with pytest.raises(NotKeeper):
                await old.submit(creation("fourth"))
            assert await told(log) == ["first", "second"]
            await agree(new, log)


async def test_a_token_used_again_finds_the_first_outcome_also_after_a_take_over() -> None:
    log = MemoryLog()
    async with keeping(log) as keeper:
        first = await keeper.submit(creation("first", "t", "d"))
        again = await keeper.submit(creation("first", "t", "d"))
        assert again.repeat is not None
        assert (again.repeat.sequence, again.repeat.digest) == (first.sequence, "d")
    async with keeping(log.another()) as keeper:
        again = await keeper.submit(creation("first", "t", "d"))
        assert again.repeat is not None
        assert again.repeat.sequence == first.sequence
    assert await told(log) == ["first"]


@pytest.mark.parametrize("fault", [Fault.UNKNOWN_STORED, Fault.UNKNOWN_LOST])
async def test_repeats_of_a_command_in_doubt_are_one_command(fault: Fault) -> None:
    log = MemoryLog()
    async with keeping(log) as keeper:
        log.fail_next(fault)
        async with asyncio.timeout(SECONDS_MAX), asyncio.TaskGroup() as group:
            asked = [group.create_task(keeper.submit(creation("first", "t", "d"))) for _ in range(5)]
        assert len({each.result().sequence for each in asked}) == 1
        assert await told(log) == ["first"]
        await agree(keeper, log)


async def test_a_token_used_for_another_request_is_a_conflict_that_names_the_first_ones_tasks() -> None:
    async with running(MemoryLog(), ReplicaSettings(heartbeat_timeout=1e9), ids=SeededIds(1)) as replica:

        async def carry_out(operation: str, body: bytes) -> Any:
            call = Call(namespace=NAMESPACE, operation=operation, actor="test")
            return (await replica.door.carry_out(call, replica.door.decode(operation, body))).response

        await carry_out("CreateCluster", b"")
        await carry_out(
            "RegisterTaskDefinition", b'{"family":"job","containerDefinitions":[{"name":"a","image":"b","memory":8}]}'
        )
        room = (
            b'[{"name":"CPU","type":"INTEGER","integerValue":99},{"name":"MEMORY","type":"INTEGER","integerValue":99}]'
        )
        answer = await carry_out("RegisterContainerInstance", b'{"totalResources":' + room + b"}")
        name = answer.container_instance.container_instance_arn.rsplit("/", 1)[1]
        await replica.heartbeats.beat(Instance(str(NAMESPACE), "default", name), Heartbeat(session="s"))
        run = b'{"taskDefinition":"job","clientToken":"mine"}'
        first = await carry_out("RunTask", run)
        assert len(first.tasks) == 1
        assert (await carry_out("RunTask", run)).tasks == first.tasks
        with pytest.raises(ConflictException) as caught:
            await carry_out("RunTask", run.replace(b"}", b',"count":2}'))
        assert caught.value.members["resource_ids"] == [first.tasks[0].task_arn]
