"""Processes of containers that a killed daemon was about to start."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from quarterdeck.agents.runtimes.docker.leftovers import ended

ID = "0a1b" * 16


@pytest.mark.parametrize(("command", "never_ran"), [(b"runc\0init\0", True), (b"sleep\x001000\0", False), (b"", True)])
def test_what_is_left_of_a_container_is_killed_and_tells_whether_it_ran(
    tmp_path: Path, command: bytes, *, never_ran: bool
) -> None:
    with subprocess.Popen(["sleep", "1000"]) as theirs, subprocess.Popen(["sleep", "1000"]) as others:
        for process, group in ((theirs, f"/docker/{ID}"), (others, "/docker/ffff")):
            (tmp_path / str(process.pid)).mkdir()
            (tmp_path / str(process.pid) / "cgroup").write_text(f"4:pids:{group}\n")
            (tmp_path / str(process.pid) / "cmdline").write_bytes(command)
            (tmp_path / str(process.pid) / "comm").write_bytes(b"runc:[2:INIT]\n")
        (tmp_path / "123456789").mkdir()  # it has ended between two looks
        assert ended(ID, tmp_path) is never_ran
        assert theirs.wait(10) == -9
        assert others.poll() is None
        others.kill()


def test_of_what_is_out_of_sight_nobody_knows_whether_it_ran(tmp_path: Path) -> None:
    assert not ended(ID, tmp_path)
