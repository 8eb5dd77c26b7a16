"""An `up` as a user runs it: a process of its own, on free ports, with its data in a directory of the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from click.testing import CliRunner

from quarterdeck.engine.cli import main
from quarterdeck.engine.remote import RemoteClient, connect
from quarterdeck.engine.running import Running

READY_SECONDS_MAX = 40
STOP_SECONDS_MAX = 20
QUARTERDECK = (sys.executable, "-m", "quarterdeck.engine.cli")


def environment() -> dict[str, str]:
    """The environment of a test's commands: nothing of the developer's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QUARTERDECK_", "XDG_", "AWS_"))}
    return {**kept, "XDG_CONFIG_HOME": "/nonexistent", "XDG_STATE_HOME": "/nonexistent"}


def command(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in this process: it imports nothing anew."""
    cleared = {name: None for name in os.environ if name not in environment()}
    env = {**cleared, **environment()}
    ran = CliRunner(env=env).invoke(main, arguments, input=stdin, prog_name="quarterdeck")
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return subprocess.CompletedProcess(arguments, ran.exit_code, ran.stdout, ran.stderr)


def command_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as a user does."""
    return subprocess.run(
        [*QUARTERDECK, *arguments],
        capture_output=True,
        text=True,
        timeout=40,
        env=environment(),
        check=False,
    )


class UpProcess:
    """Started, stopped, killed and started again on the same data."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.ready_file = data.with_suffix(".ready")
        self.process: subprocess.Popen[str] | None = None

    @property
    def running(self) -> Running:
        return msgspec.json.decode(self.ready_file.read_bytes(), type=Running)

    def begin(self) -> None:
        self.ready_file.unlink(missing_ok=True)
        where = ("--data", str(self.data), "--listen", "127.0.0.1:0", "--nats-port", "0")
        with self.data.with_suffix(".log").open("a") as log:
            self.process = subprocess.Popen(
                [*QUARTERDECK, "up", *where, "--ready-file", str(self.ready_file), *self.options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
            )

    def start(self) -> Running:
        self.begin()
        assert self.process is not None
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self.ready_file.exists():
            said = self.data.with_suffix(".log").read_text()[-4000:]
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        return self.running

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        assert self.process is not None
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()

    def children(self) -> dict[int, str]:
        """Process ids and command lines of what it started, and of what that forked."""
        assert self.process is not None
        return {pid: read(pid, "cmdline").replace("\0", " ") for pid in descendants(self.process.pid)}

    def child(self, word: str) -> int:
        """The process id of the first child whose command line has a word."""
        return next(pid for pid, line in self.children().items() if word in line)

    def agents(self) -> list[int]:
        return [pid for pid in self.children() if read(pid, "comm") == "qd agent\n" and alive(pid)]

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop()
        elif self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    @asynccontextmanager
    async def client(self, *, engine: bool = False) -> AsyncIterator[RemoteClient]:
        """An operator's client, or one with the engine's own rights."""
        creds = self.running.engine_creds if engine else self.running.nats_creds
        async with await connect(self.running.nats, creds=creds) as client:
            yield client


def descendants(pid: int) -> list[int]:
    """The process ids of a process's children, and of theirs."""
    children = [int(child) for child in read(pid, f"task/{pid}/children").split()]
    return [each for child in children for each in (child, *descendants(child))]


def read(pid: int, name: str) -> str:
    """What the system tells of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 20) -> None:
    """Poll a condition until it holds, or fail."""
    import asyncio

    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


def until_now(condition: Callable[[], object], seconds: float = 20) -> None:
    """Poll a condition until it holds, or fail; for tests that don't wait otherwise."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)
