"""`quarterdeck exec`: with pipes or a terminal of this machine's, and an end when either side goes away."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.engine.cli.test_call import call
from tests.engine.cli.test_logs import running
from tests.engine.up_process import QUARTERDECK, UpProcess, alive, command, command_process, environment, until_now

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]

READ_SECONDS_MAX = 30


@pytest.fixture(scope="module")
def up(process_up: UpProcess) -> UpProcess:
    return process_up


@pytest.fixture(scope="module")
def task(up: UpProcess) -> Iterator[str]:
    """A task that commands can be run in."""
    environment = [{"name": "WORD", "value": "told"}]
    yield from running(up, "exec", "sleep 1000", environment=environment)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, up: UpProcess, *arguments: str, rows: int = 24, columns: int = 80) -> None:
        self.read = ""
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            line = [*QUARTERDECK, "exec", "--data", str(up.data), *arguments]
            os.execve(line[0], line, {**environment(), "TERM": "vt220"})
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self.descriptor, keys.encode())

    def until(self, pattern: str) -> str:
        """Read until something is shown; what was shown up to there."""
        deadline = time.monotonic() + READ_SECONDS_MAX
        while not (found := re.search(pattern, self.read)):
            assert time.monotonic() < deadline, f"{pattern!r} is not in {self.read!r}"
            if select.select([self.descriptor], [], [], 0.2)[0]:
                try:
                    self.read += os.read(self.descriptor, 4096).decode()
                except OSError as error:  # so a terminal ends
                    raise AssertionError(f"{pattern!r} is not in {self.read!r}") from error
        shown, self.read = self.read[: found.end()], self.read[found.end() :]
        return shown

    def cooked(self) -> bool:
        return bool(termios.tcgetattr(self.descriptor)[3] & termios.ICANON)

    def wait(self) -> int:
        """The exit code."""
        with suppress(AssertionError):
            self.until("never shown")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        os.close(self.descriptor)


@pytest.fixture
def terminal(up: UpProcess, task: str) -> Iterator[Terminal]:
    """A shell in the task, on a terminal."""
    made = Terminal(up, task, "--", "sh", rows=31, columns=97)
    yield made
    made.close()


def ran(up: UpProcess, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    """Run a command to its end, with pipes."""
    line = [*QUARTERDECK, "exec", "--data", str(up.data), *arguments]
    done = subprocess.run(line, input=stdin, capture_output=True, timeout=40, env=environment(), check=False)
    return done.returncode, done.stdout, done.stderr


def test_with_pipes_streams_are_apart_and_the_exit_code_is_the_commands(up: UpProcess, task: str) -> None:
    script = "echo $WORD; echo oops >&2; exit 7"
    assert ran(up, task, "--", "sh", "-c", script) == (7, b"told\n", b"oops\n")


def test_input_is_read_to_its_end_byte_by_byte(up: UpProcess, task: str) -> None:
    data = os.urandom(300_000)
    assert ran(up, task[:12], "cat", stdin=data) == (0, data, b"")


def test_words_stay_words(up: UpProcess, task: str) -> None:
    words = ("a b", "c'd", '"', "$WORD", "", "--flag", "-x")
    code, out, _ = ran(up, task, "--", "printf", "<%s>", *words)
    assert (code, out.decode()) == (0, "".join(f"<{word}>" for word in words))


def test_the_log_has_who_ran_what(up: UpProcess, task: str) -> None:
    ran(up, task, "--", "echo", "for the record")
    told = command("events", "--data", str(up.data), "--type", "ExecuteCommandRequested", "--id", task).stdout
    assert "echo 'for the record' in web" in told.splitlines()[-1]
    assert "root" in told.splitlines()[-1]


def test_a_terminal_is_raw_resized_and_given_back(terminal: Terminal) -> None:
    terminal.until("# $|\\$ $")
    terminal.type("stty size; echo $TERM $WORD; test -t 0 && test -t 1 && test -t 2 && echo all\r")
    terminal.until("31 97\r\n")
    terminal.until("vt220 told\r\n")
    terminal.until("all\r\n")
    assert not terminal.cooked()
    terminal.resize(12, 34)
    terminal.type("trap 'stty size' WINCH; stty size\r")
    terminal.until("12 34\r\n")
    terminal.type("exit 9\r")
    assert terminal.wait() == 9
    assert terminal.cooked()


def test_ctrl_c_goes_to_the_command_and_not_to_the_session(terminal: Terminal) -> None:
    terminal.until("# $|\\$ $")
    terminal.type("sh -c 'echo go\"ne\"; exec sleep 1000'\r")
    terminal.until("gone\r\n")
    terminal.type("\x03")
    terminal.until("# $|\\$ $")  # what is typed before the interrupt has come is thrown away with it
    terminal.type("echo after $?\r")
    terminal.until("after 130\r\n")
    terminal.type("\x04")
    terminal.wait()


def test_the_keys_that_leave_end_a_command_that_takes_no_notice_of_any(up: UpProcess, task: str) -> None:
    made = Terminal(up, task, "--", "sh", "-c", "trap '' INT; echo $$; while :; do sleep 0.1; done")
    pid = int(made.until(r"\d+\r\n"))
    made.type("\x03")
    made.type("\x10")
    made.type("\x11")
    assert made.wait() == 129
    until_now(lambda: not alive(pid))
    made.close()


def test_a_command_ends_when_its_client_is_killed(up: UpProcess, task: str) -> None:
    line = [*QUARTERDECK, "exec", "--data", str(up.data), task, "--", "sh", "-c", "echo $$; sleep 1000"]
    client = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    assert client.stdout is not None
    assert client.stdin is not None
    pid = int(client.stdout.readline())
    client.send_signal(signal.SIGINT)
    assert client.wait(20) == 130
    client.stdin.close()
    client.stdout.close()
    until_now(lambda: not alive(pid))


def test_a_session_ends_with_its_task(up: UpProcess) -> None:
    tasks = running(up, "short", "sleep 1000")
    task = next(tasks)
    line = [*QUARTERDECK, "exec", "--data", str(up.data), task, "--", "sh", "-c", "echo here; exec sleep 30"]
    client = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    assert client.stdout is not None
    assert client.stdin is not None
    assert client.stdout.readline() == b"here\n"
    client.stdin.close()
    assert next(tasks, None) is None
    client.kill()
    client.wait(20)
    client.stdout.close()


def test_a_task_that_was_run_without_it_says_how_to_enable_it(up: UpProcess) -> None:
    (made,) = call(up, "RunTask", {"taskDefinition": "exec"})["tasks"]
    until_now(lambda: call(up, "DescribeTasks", {"tasks": [made["taskArn"]]})["tasks"][0]["lastStatus"] == "RUNNING")
    refused = command("exec", "--data", str(up.data), made["taskArn"], "ls")
    assert refused.returncode == 1
    assert "execute command was not enabled when the task was run" in refused.stderr
    assert "`quarterdeck run exec:1 --enable-execute-command`" in refused.stderr
    call(up, "StopTask", {"task": made["taskArn"]})


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["nothing", "ls"], 1, "There is no task nothing"),
        (["{task}", "--container", "db", "--", "ls"], 1, "The container db was not found in the task."),
        (["{task}"], 2, "Missing argument"),
        (["-t", "{task}", "ls"], 2, "-t needs a terminal here, too"),
    ],
)
def test_what_can_not_be_is_refused_by_name(
    up: UpProcess, task: str, arguments: list[str], code: int, text: str
) -> None:
    given = [each.format(task=task) for each in arguments]
    refused = command("exec", "--data", str(up.data), *given)
    assert refused.returncode == code
    assert text in refused.stderr


def test_a_command_that_is_not_there_ends_with_127(up: UpProcess, task: str) -> None:
    done = command_process("exec", "--data", str(up.data), task, "--", "no-such-command")
    assert done.returncode == 127
    assert "no-such-command" in done.stderr
