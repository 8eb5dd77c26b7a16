"""Keeping what containers wrote, before they are removed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from quarterdeck.agents import labels
from quarterdeck.agents.archive import NOT_KEPT, ArchiveDirectory
from quarterdeck.agents.runtimes.errors import CannotReadLogsError
from quarterdeck.agents.runtimes.port import Container, ContainerSpec, LogBatches
from quarterdeck.agents.runtimes.simulated import SimulatedHost, SimulatedRuntime
from quarterdeck.agents.saver import Saver
from quarterdeck.agents.settings import Keeping
from quarterdeck.events.session import LogQuery
from tests.agents.runtimes.cases import eventually
from tests.agents.world import ManualClock, task_id

ONE = task_id(1)
SPEC = ContainerSpec("ecs-app", "image", labels={labels.TASK_ARN: f"task/{ONE}", labels.CONTAINER_NAME: "app"})


async def spoken(runtime: SimulatedRuntime, host: SimulatedHost) -> Container:
    """A container that runs and has written something."""
    seen = await runtime.start(await runtime.create(SPEC))
    host.say(seen.id, "last words")
    return seen


async def test_logs_are_kept_though_the_runtime_is_away_for_a_moment(tmp_path: Path) -> None:
    clock = ManualClock()
    host = SimulatedHost(clock)
    runtime = SimulatedRuntime(host)
    seen = await spoken(runtime, host)
    host.kill(seen.id)
    archive = ArchiveDirectory(tmp_path, Keeping())
    host.daemon_away()
    async with asyncio.TaskGroup() as group:
        group.create_task(Saver(runtime, archive, clock, Keeping()).save(seen))
        await eventually(lambda: bool(clock.sleeping))
        host.daemon_back()
        clock.tick()
    kept = [line.data async for batch in archive.read(ONE, "app", LogQuery()) for line in batch]
    assert kept == [b"last words\n"]
    await runtime.close()


class Unreadable(SimulatedRuntime):
    """Its logs go elsewhere."""

    async def logs(self, container_id: str, query: LogQuery) -> LogBatches:
        async for batch in super().logs(container_id, query):
            yield batch
        raise CannotReadLogsError("look elsewhere")


async def test_an_archive_that_can_not_be_written_keeps_no_container_from_its_removal(tmp_path: Path) -> None:
    clock = ManualClock()
    runtime = Unreadable(SimulatedHost(clock))
    seen = await runtime.inspect(await runtime.create(SPEC))
    (tmp_path / "logs").write_text("a file where a folder should be")
    await Saver(runtime, ArchiveDirectory(tmp_path / "logs", Keeping()), clock, Keeping()).save(seen)
    await Saver(runtime, ArchiveDirectory(tmp_path / "more", Keeping()), clock, Keeping()).save(seen)
    assert ArchiveDirectory(tmp_path / "more", Keeping()).why(ONE, "app") == "look elsewhere"
    await runtime.close()


async def test_of_a_log_there_was_no_room_for_it_is_said_why_there_is_none(tmp_path: Path) -> None:
    clock = ManualClock()
    host = SimulatedHost(clock)
    runtime = SimulatedRuntime(host)
    seen = await spoken(runtime, host)
    full = tmp_path / ONE / "app.log"
    full.parent.mkdir()
    full.symlink_to("/dev/full")
    archive = ArchiveDirectory(tmp_path, Keeping())
    await Saver(runtime, archive, clock, Keeping()).save(seen)
    assert "No space left on device" in (archive.why(ONE, "app") or "")
    (tmp_path / ONE / "app.why").write_text("")  # where not even the reason finds room
    assert archive.why(ONE, "app") == NOT_KEPT
    full.unlink()
    await Saver(runtime, archive, clock, Keeping()).save(seen)
    assert archive.why(ONE, "app") == ""
    await runtime.close()
