"""The commands start at once, and say what they can do."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from quarterdeck.engine.cli import COMMANDS, main
from tests.engine.up_process import command, command_process

START_CPU_SECONDS_MAX = 0.2


def test_help_names_every_command() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    assert all(f"  {name} " in shown.output for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    shown = CliRunner().invoke(main, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith(f"Usage: main {name}")
    assert "\\b" not in shown.output


@pytest.mark.parametrize("arguments", [["--help"], ["deploy", "--help"], ["completion", "zsh"]])
def test_help_starts_at_once(arguments: list[str]) -> None:
    def spent() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "quarterdeck.engine.cli", *arguments], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(spent() for _ in range(3)) < START_CPU_SECONDS_MAX


def test_help_and_completion_import_nothing_slow() -> None:
    program = (
        "import sys\n"
        "from quarterdeck.engine.cli import COMMANDS, main\n"
        "for name in COMMANDS: main.get_command(None, name)\n"
        "slow = {'aiohttp', 'nats', 'rich', 'structlog', 'msgspec', 'aiosqlite'} & set(sys.modules)\n"
        "sys.exit(str(slow) if slow else 0)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


HEAVY = {"aiohttp", "aiosqlite", "cryptography", "rich", "sqlite3", "structlog"}
NOT_FOR_CLIENTS = ("quarterdeck.agents", "quarterdeck.engine.shell", "quarterdeck.projections")
CONNECTING: dict[str, set[str]] = {
    "status": set(),
    "task ls": set(),
    "run web": set(),
    "call ListTasks": set(),
    "events": set(),
    "deploy web --force": set(),
    "explain 1": set(),
}


@pytest.mark.parametrize("line", sorted(CONNECTING))
def test_a_command_imports_only_what_it_uses(line: str) -> None:
    """A command that asks an engine needs neither what serves one nor what draws on a terminal."""
    program = (
        "import sys\n"
        "from quarterdeck.engine.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: status = end.code\n"
        "print(status, *sorted(sys.modules))\n"
    )
    arguments = [*line.split(), "--nats", "nats://127.0.0.1:99999"]
    ran = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    status, *modules = ran.stdout.split()
    assert (status, "nats" in modules) == ("3", True), ran.stderr
    packages = {name.partition(".")[0] for name in modules}
    ours = {each for each in NOT_FOR_CLIENTS if each in modules}
    assert HEAVY & packages | ours == CONNECTING[line]


def test_a_command_that_is_misspelled_is_wrong_usage() -> None:
    ran = command("evnets")
    assert ran.returncode == 2
    assert "No such command 'evnets'. Did you mean events?" in ran.stderr


def test_a_setting_that_is_wrong_is_wrong_usage() -> None:
    ran = command_process("up", "--zones", "0")
    assert ran.returncode == 2
    assert "zones must be from 1 to 26" in ran.stderr


@pytest.mark.parametrize("arguments", [["agent"], ["engine"]])
def test_an_agent_or_engine_needs_to_know_where_nats_is(arguments: list[str]) -> None:
    ran = command(*arguments)
    assert ran.returncode == 2
    assert "--nats nats://HOST:PORT" in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["events"], ["env"], ["call", "ListTasks"], ["explain", "1"], ["task", "ls"], ["scale", "a", "1"]],
)
def test_where_nothing_runs_the_way_out_is_named(arguments: list[str]) -> None:
    ran = command(*arguments, "--data", "/nonexistent/data")
    assert ran.returncode == 3
    assert "No `quarterdeck up` runs on /nonexistent/data. Start one" in ran.stderr


@pytest.mark.parametrize("arguments", [["status"]])
def test_where_no_nats_server_answers_it_says_so(arguments: list[str]) -> None:
    ran = command(*arguments, "--nats", "nats://127.0.0.1:1")
    assert ran.returncode == 3
    assert "no NATS server answers as wanted at nats://127.0.0.1:1" in ran.stderr


def test_what_is_no_url_is_no_nats_server() -> None:
    ran = command("status", "--nats", "nats://127.0.0.1:99999")
    assert ran.returncode == 3
    assert "no NATS server answers as wanted at nats://127.0.0.1:99999: nats: invalid connect url option" in ran.stderr


def test_an_engine_whose_port_is_taken_says_how_to_choose_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = command_process("engine", "--nats", "nats://127.0.0.1:1", "--not-durable", "--listen", listen)
    assert ran.returncode == 1
    assert ran.stderr.endswith(
        f"Error: {listen} is in use by another program. Choose another port with --listen HOST:PORT (0 is any).\n"
    )


def test_the_version_is_the_package_s() -> None:
    assert command("version").stdout.startswith("quarterdeck 0.")
