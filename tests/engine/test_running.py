"""What a running `up` tells is found while it runs; its data directory is its alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.engine import running
from quarterdeck.engine.running import DataUnusable, NotRunning, Running


def told(data: Path, pid: int) -> Running:
    return Running(http="http://127.0.0.1:1", nats="nats://127.0.0.1:2", nats_creds=None, data=str(data), pid=pid)


def test_what_is_written_is_found(tmp_path: Path) -> None:
    running.write(told(tmp_path, os.getpid()), tmp_path / running.FILE)
    assert running.find(tmp_path) == told(tmp_path, os.getpid())
    assert [path.name for path in tmp_path.iterdir()] == [running.FILE]


def test_one_that_is_gone_is_not_running(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    running.write(told(tmp_path, gone.pid), tmp_path / running.FILE)
    with pytest.raises(NotRunning, match=f"runs on {tmp_path}. Start one, or name another with --data"):
        running.find(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[1]"])
def test_a_file_that_says_nothing_is_not_running(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / running.FILE).write_bytes(content)
    with pytest.raises(NotRunning):
        running.find(tmp_path)


def test_a_data_directory_has_one_owner(tmp_path: Path) -> None:
    in_use = pytest.raises(DataUnusable, match=f"{tmp_path} is in use by process {os.getpid()}")
    with running.locked(tmp_path), in_use, running.locked(tmp_path):
        pass
    with running.locked(tmp_path):
        pass


def test_a_data_directory_that_can_not_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataUnusable, match="Choose another with --data"), running.locked(tmp_path / "file" / "data"):
        pass
