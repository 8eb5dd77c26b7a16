"""What keeps an `up` from starting is said at once, with the way out, and disturbs nobody."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.up_process import UpProcess, command, command_process

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]

ANYWHERE = ("--listen", "127.0.0.1:0", "--nats-port", "0", "--no-agents")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_second_one_on_the_same_data_fails_at_once_naming_the_first(up: UpProcess) -> None:
    began = time.monotonic()
    ran = command_process("up", "--data", str(up.data), *ANYWHERE)
    assert time.monotonic() - began < 10
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == (
        f"Error: the data directory {up.data} is in use by process {up.running.pid}: another `quarterdeck up`. "
        "Stop it, or choose another with --data."
    )
    assert up.process is not None
    assert up.process.poll() is None
    assert command("status", "--data", str(up.data)).returncode == 0


def test_a_port_of_http_that_is_taken(tmp_path: Path, taken: int) -> None:
    ran = command_process("up", "--data", str(tmp_path), *ANYWHERE, "--listen", f"127.0.0.1:{taken}")
    assert ran.returncode == 1
    assert f"127.0.0.1:{taken} is in use by another program. Choose another port with --listen" in ran.stderr


def test_a_port_of_nats_that_is_taken(tmp_path: Path, taken: int) -> None:
    ran = command_process("up", "--data", str(tmp_path), *ANYWHERE, "--nats-port", str(taken))
    assert ran.returncode == 1
    assert f"127.0.0.1:{taken} is in use by another program. Choose another port with --nats-port" in ran.stderr


def test_data_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = command_process("up", "--data", str(tmp_path / "file" / "data"), *ANYWHERE)
    assert ran.returncode == 1
    assert "can't be used" in ran.stderr
    assert "Choose another with --data" in ran.stderr
    assert "Traceback" not in ran.stderr
