"""Clients of an agent: they read logs and run commands, a bounded number at a time, and leave nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from quarterdeck.agents.archive import ArchiveDirectory
from quarterdeck.agents.runtimes.port import LogBatches
from quarterdeck.agents.runtimes.simulated import Behaviour, SimulatedRuntime
from quarterdeck.agents.runtimes.simulated.behaviour import Said, Script
from quarterdeck.agents.settings import Keeping, Limits
from quarterdeck.events import shapes
from quarterdeck.events.log.channel import Channel, kept, pair
from quarterdeck.events.session import (
    AnyFrame,
    Attach,
    Ended,
    Grant,
    Input,
    Lines,
    LogLine,
    LogQuery,
    Opened,
    Output,
    ReadLogs,
    Resize,
    Terminal,
)
from tests.agents.world import TOKEN, World, container, definition

TASK = "a" * 32
TALKS = Behaviour(says=(Said("hello"), Said("oh", "stderr")), commands={"cat": Script(echoes=True)})
ENDS = Behaviour(says=(Said("bye"),), run_seconds=1.0, exit_code=0)


@asynccontextmanager
async def running(world: World, image: str = "talks", **fields: object) -> AsyncIterator[None]:
    """An agent that has one task."""
    world.start(**fields)
    await world.until(lambda: world.link.serve is not None)
    world.engine.place(TASK, definition=definition(container("web", image)))
    await world.until(lambda: "RUNNING" in world.engine.told(TASK))
    try:
        yield
    finally:
        await world.stop()


@asynccontextmanager
async def call(world: World, opening: AnyFrame) -> AsyncIterator[Channel]:
    assert world.link.serve is not None
    here, there = pair()
    async with asyncio.timeout(10), kept(here, world.link.serve(there)):
        await here.send(opening)
        yield here


async def all_of(channel: Channel) -> list[AnyFrame]:
    """What an agent says, to its last word."""
    frames = [await channel.receive()]
    while not isinstance(frames[-1], Ended):
        frames.append(await channel.receive())
    return frames


def texts(frames: list[AnyFrame]) -> list[str]:
    return [line.data.decode() for frame in frames if isinstance(frame, Lines) for line in frame.lines]


async def test_a_reader_gets_what_a_container_wrote() -> None:
    world = World(talks=TALKS)
    async with running(world), call(world, ReadLogs(TASK, "web")) as channel:
        frames = await all_of(channel)
        assert frames[0] == Opened()
        assert texts(frames) == ["hello\n", "oh\n"]
        assert frames[-1] == Ended()


async def test_logs_are_there_after_the_container_was_removed_and_for_the_next_agent(tmp_path: Path) -> None:
    world = World(ends=ENDS)
    world.archive = ArchiveDirectory(tmp_path, Keeping())
    async with running(world, "ends"):
        await world.until(lambda: world.agent is not None and not world.agent.tasks.by_id)  # type: ignore[union-attr]
        assert list(world.host.containers()) == []
        async with call(world, ReadLogs(TASK, "web")) as channel:
            assert texts(await all_of(channel)) == ["bye\n"]
    world.start()
    await world.until(lambda: world.link.serve is not None and world.agent.tasks.ready.is_set())  # type: ignore[union-attr]
    async with call(world, ReadLogs(TASK, "web", LogQuery(follow=True))) as channel:
        assert texts(await all_of(channel)) == ["bye\n"]
    await world.stop()


async def test_a_follower_of_a_container_that_has_not_started_waits_for_it() -> None:
    world = World(talks=TALKS, ends=ENDS)
    other = "b" * 32
    later = shapes.ContainerDependency(container_name="web", condition="COMPLETE")
    containers = container("web", "ends", essential=False), container("next", "talks", depends_on=[later])
    frames: list[AnyFrame] = []

    async def read(channel: Channel) -> None:
        while True:
            frames.append(await channel.receive())

    async with running(world):
        world.engine.place(other, definition=definition(*containers))
        async with call(world, ReadLogs(other, "next", LogQuery(follow=True))) as channel, asyncio.TaskGroup() as group:
            reading = group.create_task(read(channel))
            await world.until(lambda: frames == [Opened()])
            await world.until(lambda: texts(frames) == ["hello\n", "oh\n"])
            reading.cancel()


async def test_a_follower_outlasts_a_daemon_that_is_away() -> None:
    world = World(talks=TALKS)
    frames: list[AnyFrame] = []

    async def read(channel: Channel) -> None:
        while True:
            frames.append(await channel.receive())

    async with running(world):
        (held,) = world.host.containers()
        async with call(world, ReadLogs(TASK, "web", LogQuery(follow=True))) as channel, asyncio.TaskGroup() as group:
            reading = group.create_task(read(channel))
            await world.until(lambda: len(texts(frames)) == 2)
            world.host.daemon_away()
            world.host.say(held.id, "meanwhile")
            await world.go(3)
            world.host.daemon_back()
            await world.until(lambda: texts(frames) == ["hello\n", "oh\n", "meanwhile\n"])
            reading.cancel()


async def test_a_follower_goes_on_when_a_restart_policy_starts_the_container_again() -> None:
    world = World(talks=TALKS, again=Behaviour(says=(Said("again"),), run_seconds=7.0, exit_code=0))
    policy = shapes.ContainerRestartPolicy(enabled=True, restart_attempt_period=5)
    frames: list[AnyFrame] = []

    async def read(channel: Channel) -> None:
        while not frames or not isinstance(frames[-1], Ended):
            frames.append(await channel.receive())

    async with running(world):
        other = "c" * 32
        world.engine.place(other, definition=definition(container("web", "again", restart_policy=policy)))
        async with call(world, ReadLogs(other, "web", LogQuery(follow=True))) as channel, asyncio.TaskGroup() as group:
            reading = group.create_task(read(channel))
            await world.until(lambda: texts(frames) == ["again\n"] * 3)
            world.engine.stop(other)
            await world.until(reading.done)
            assert frames[-1] == Ended()


async def test_who_follows_up_to_a_time_that_has_passed_is_not_kept_waiting() -> None:
    world = World(talks=TALKS)
    async with running(world):
        past = round(world.clock.now() * 1e9)
        for until, said in ((past, []), (past + 1, ["hello\n", "oh\n"])):
            await world.go(1)
            async with call(world, ReadLogs(TASK, "web", LogQuery(follow=True, until=until))) as channel:
                frames = await all_of(channel)
                assert (texts(frames), frames[-1]) == (said, Ended())


async def test_a_follower_whose_stream_ends_though_the_container_runs_asks_again_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[LogQuery] = []

    async def logs(_: SimulatedRuntime, _container_id: str, query: LogQuery) -> LogBatches:
        asked.append(query)
        nothing: list[list[LogLine]] = []
        for batch in nothing:
            yield batch

    world = World(talks=TALKS)
    async with running(world):
        monkeypatch.setattr(SimulatedRuntime, "logs", logs)
        async with call(world, ReadLogs(TASK, "web", LogQuery(follow=True))):
            await world.go(3)
    assert 10 < len(asked) <= 31


@pytest.mark.parametrize(
    ("task", "name", "said"),
    [
        ("f" * 32, "web", "nothing that container web of task"),
        (TASK, "other", "nothing that container other"),
        ("../..", "web", "is not a task's id"),
        (TASK, "../../x", "is not a task's id"),
    ],
)
async def test_what_is_not_there_is_refused_by_name(task: str, name: str, said: str) -> None:
    world = World(talks=TALKS)
    async with running(world), call(world, ReadLogs(task, name)) as channel:
        ended = (await all_of(channel))[-1]
        assert isinstance(ended, Ended)
        assert (ended.code, said in ended.error) == ("ResourceNotFoundException", True)


async def test_one_reader_too_many_is_told_so_and_the_next_is_served() -> None:
    world = World(talks=TALKS)
    async with running(world, limits=Limits(readers_max=1)):
        async with call(world, ReadLogs(TASK, "web", LogQuery(follow=True))) as first:
            assert await first.receive() == Opened()
            async with call(world, ReadLogs(TASK, "web")) as second:
                (ended,) = await all_of(second)
                assert isinstance(ended, Ended)
                assert ended.code == "ThrottlingException"
        async with call(world, ReadLogs(TASK, "web")) as third:
            assert texts(await all_of(third)) == ["hello\n", "oh\n"]


async def test_a_command_runs_with_its_token_once() -> None:
    world = World(talks=TALKS)
    world.engine.grants["s1"] = Grant(task=TASK, container="web", command="cat")
    async with running(world):
        async with call(world, Attach("s1", TOKEN, Terminal(5, 6))) as channel:
            assert await channel.receive() == Opened()
            await channel.send(Resize(7, 8))
            await channel.send(Input(b"word"))
            assert await channel.receive() == Output(b"word")
            await channel.send(Input())
            assert await channel.receive() == Ended(exit_code=0)
        async with call(world, Attach("s1", TOKEN)) as channel:
            assert await channel.receive() == Ended(error="Session unknown.", code="InvalidParameterException")


@pytest.mark.parametrize(
    ("grant", "said"),
    [
        (Grant(task="f" * 32, container="web", command="cat"), "does not run"),
        (Grant(task=TASK, container="web", command="cat 'no end"), "can't be read"),
        (Grant(task=TASK, container="web", command="''; "), "executable file not found"),
    ],
)
async def test_a_command_that_can_not_run_says_why(grant: Grant, said: str) -> None:
    world = World(talks=TALKS)
    world.engine.grants["s1"] = grant
    async with running(world), call(world, Attach("s1", TOKEN)) as channel:
        frames = await all_of(channel)
        assert said in f"{frames}"


async def test_what_opens_nothing_is_refused() -> None:
    world = World(talks=TALKS)
    async with running(world), call(world, Input(b"x")) as channel:
        assert await channel.receive() == Ended(error="Input opens nothing", code="ClientException")


async def test_logs_of_a_container_that_somebody_else_removed_are_said_to_be_gone() -> None:
    world = World(talks=TALKS)
    pair_of = container("web", "talks"), container("side", "talks", essential=False)
    async with running(world):
        other = "d" * 32
        world.engine.place(other, definition=definition(*pair_of))
        await world.until(lambda: "RUNNING" in world.engine.told(other))
        side = next(each for each in world.host.containers() if "-side-" in each.name)
        world.host.vanish(side.id)
        async with call(world, ReadLogs(other, "side", LogQuery(follow=True))) as channel:
            ended = (await all_of(channel))[-1]
            assert isinstance(ended, Ended)
            assert "nothing that container side" in ended.error


async def test_our_own_mistake_ends_the_session_and_not_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("quarterdeck.agents.logs.Cursor", mistaken)
    world = World(talks=TALKS)
    async with running(world):
        async with call(world, ReadLogs(TASK, "web")) as channel:
            ended = (await all_of(channel))[-1]
            assert isinstance(ended, Ended)
            assert (ended.code, "ZeroDivisionError" in ended.error) == ("ServerException", True)
        monkeypatch.undo()
        async with call(world, ReadLogs(TASK, "web")) as channel:
            assert texts(await all_of(channel)) == ["hello\n", "oh\n"]


async def test_an_engine_that_is_away_opens_no_session() -> None:
    world = World(talks=TALKS)
    async with running(world):
        world.engine.down = True
        async with call(world, Attach("s1", TOKEN)) as channel:
            ended = await channel.receive()
            assert isinstance(ended, Ended)
            assert ended.code == "ServerException"
