"""A nursery's children are processes like others: they end with a code, take signals, do not outlive their parent."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quarterdeck.engine.nursery import Nursery
from tests.engine.up_process import alive, until

WAITING = ["agent", "--nats=nats://127.0.0.1:9", "--runtime=simulated"]
"""An agent whose server never answers: it tries until it is told to end."""


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[Nursery]:
    made = Nursery(tmp_path / "nursery.log")
    yield made
    await made.close()


async def test_a_child_ends_with_its_code_and_says_what_it_said_into_its_file(nursery: Nursery, tmp_path: Path) -> None:
    child = await nursery.start(["version"], tmp_path / "version")
    assert await child.wait() == 0
    assert (tmp_path / "version").read_text().startswith("quarterdeck ")
    refused = await nursery.start(["no-such-command"], tmp_path / "refused")
    assert await refused.wait() == 2
    assert "No such command" in (tmp_path / "refused").read_text()


async def test_a_child_takes_signals_and_others_stay(nursery: Nursery, tmp_path: Path) -> None:
    first, second = [
        await nursery.start([*WAITING, f"--data={tmp_path / name}"], tmp_path / f"{name}.log") for name in ("a", "b")
    ]
    first.kill()
    assert await first.wait() == -signal.SIGKILL
    first.kill()  # it has ended: nobody else's process is meant
    assert second.returncode is None
    assert alive(second.pid)
    second.terminate()
    await second.wait()


async def test_children_end_with_their_nursery_and_the_next_one_gets_a_new_one(
    nursery: Nursery, tmp_path: Path
) -> None:
    child = await nursery.start([*WAITING, f"--data={tmp_path / 'a'}"], tmp_path / "a.log")
    os.kill(parent(child.pid), signal.SIGKILL)
    assert await child.wait() == -signal.SIGKILL
    await until(lambda: asyncio.sleep(0, not alive(child.pid)))
    again = await nursery.start(["version"], tmp_path / "version")
    assert await again.wait() == 0


async def test_closing_ends_children_that_are_left(tmp_path: Path) -> None:
    nursery = Nursery(tmp_path / "nursery.log")
    child = await nursery.start([*WAITING, f"--data={tmp_path / 'a'}"], tmp_path / "a.log")
    await nursery.close()
    assert await child.wait() == -signal.SIGKILL
    await until(lambda: asyncio.sleep(0, not alive(child.pid)))


async def test_who_asks_a_nursery_that_can_not_load_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "click").mkdir()
    (tmp_path / "click" / "__init__.py").write_text("raise ImportError('broken on purpose')")
    nursery = Nursery(tmp_path / "nursery.log")
    with pytest.raises(ChildProcessError, match=r"nursery\.log"):
        await nursery.start(["version"], tmp_path / "version")
    await nursery.close()
    assert "broken on purpose" in (tmp_path / "nursery.log").read_text()


def parent(pid: int) -> int:
    """Whose child a process is."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
