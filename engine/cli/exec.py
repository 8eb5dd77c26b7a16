"""Exec: a command in a container of a task, with this terminal or these pipes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, nouns, people, target
from quarterdeck.engine.cli.escape import Escape, read_keys
from quarterdeck.engine.cli.task import TASK

if TYPE_CHECKING:
    from quarterdeck.engine.core.errors import Refusal
    from quarterdeck.engine.remote import RemoteClient
    from quarterdeck.engine.task_session import TaskSession
    from quarterdeck.events.session import Terminal

HUNG_UP = 129
"""128 and SIGHUP, by which a command ends whose session does."""
TERMINAL = (
    "A terminal for the command (default: if this is one), or none: then stdin is read to its end, and stdout and "
    "stderr are kept apart."
)


@click.command
@names.argument("task")
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND…")
@click.option("--container", help="Container to run it in; needed if the task has several.")
@click.option("-t/-T", "--terminal/--no-terminal", "terminal", default=None, help=TERMINAL)
@click.option("--detach-keys", default="ctrl-p,ctrl-q", show_default=True, help="Keys that leave; '' for none.")
@click.option("-i", "--interactive", is_flag=True, expose_value=False, help="As it is anyway: stdin is passed on.")
@people.CLUSTER
@target.options
def command(
    task: str,
    words: tuple[str, ...],
    container: str | None,
    *,
    terminal: bool | None,
    detach_keys: str,
    **options: Any,  # noqa: ANN401 - click's
) -> None:
    """Run COMMAND in a container of TASK (an id, how it begins, or an ARN), and end with its exit code.

    \b
    quarterdeck exec 3f8a -- sh                          a shell, with this terminal (-it)
    quarterdeck exec 3f8a -- sh -c 'cat > /tmp/x' < file

    The task must have been run with execute command enabled. Who ran what is in the log: `quarterdeck events --type
    ExecuteCommandRequested`. A command whose session is lost is ended. So it is when you leave the session of a
    terminal with ctrl-p ctrl-q, whatever it does (exit code 129).
    """  # noqa: D301 - click wants the character: what follows keeps its lines
    try:
        leave = read_keys(detach_keys)
    except ValueError as error:
        raise click.UsageError(f"--detach-keys: {error}") from error
    cluster = options.get("cluster")
    wants_terminal = sys.stdin.isatty() and sys.stdout.isatty() if terminal is None else terminal
    if wants_terminal and not sys.stdin.isatty():
        raise click.UsageError("-t needs a terminal here, too: stdin is none. Leave it out, or say -T.")
    ended: list[int] = []

    async def work(client: "RemoteClient") -> None:
        from quarterdeck.engine.core.errors import InvalidParameterException

        found = await nouns.one(client, TASK, cluster, task)
        shown = _size() if wants_terminal else None
        asked = {"cluster": cluster, "task": found.task_arn, "container": container, "terminal": shown}
        try:
            async with client.execute(command=words, **asked) as session:
                ended.append(await _attached(session, shown, Escape(leave if wants_terminal else b"")))
        except InvalidParameterException as error:
            raise click.ClickException(_explained(error, found)) from error

    people.run(options, work)
    sys.exit(ended[0] if ended else target.REFUSED)


def _explained(error: "Refusal", task: Any) -> str:  # noqa: ANN401 - a shape, imported late
    """Add the way out, where it is known."""
    said = f"{error.code}: {error.message}"
    if task.last_status != "RUNNING":
        return f"{said} Task {task.task_arn} is {task.last_status}."
    if task.enable_execute_command:
        return said
    from quarterdeck.events.names import short_name

    definition = short_name(task.task_definition_arn or "")
    alone = f"`quarterdeck run {definition} --enable-execute-command` starts a task of the same definition with it"
    if not (task.group or "").startswith("service:"):
        return f"{said} This task was run without it: {alone}."
    return (
        f"{said} This task was run without it, as its service was created without enableExecuteCommand: create it with "
        f"that (UpdateService enables it too, as on ECS for task definitions with a taskRoleArn), or {alone}."
    )


def _size() -> "Terminal":
    from quarterdeck.events.session import Terminal

    columns, rows = os.get_terminal_size(sys.stdin.fileno())
    return Terminal(rows=rows, columns=columns, type=os.environ.get("TERM", "xterm"))


class _Left(Exception):
    """The keys that leave were typed."""


async def _attached(session: "TaskSession", terminal: "Terminal | None", escape: Escape) -> int:
    """Carry input and output until the command has ended, or is left; gives its exit code."""
    import asyncio
    import signal

    from quarterdeck.engine.cli.pipes import Writer
    from quarterdeck.engine.failures import sole

    writers = {"stdout": Writer(sys.stdout), "stderr": Writer(sys.stderr)}
    resized = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        with _raw(active=terminal is not None):
            async with asyncio.TaskGroup() as group:
                parts = [group.create_task(_fed(session, escape), name="input")]
                if terminal is not None:
                    loop.add_signal_handler(signal.SIGWINCH, resized.set)
                    parts.append(group.create_task(_resized(session, resized), name="size"))
                async for each in session.output():
                    await writers[each.stream].write(each.data)
                for part in parts:
                    part.cancel()
            for writer in writers.values():
                await writer.close()
    except BaseExceptionGroup as errors:
        error = sole(errors)
        if isinstance(error, _Left):
            return HUNG_UP
        raise error from None
    assert session.exit_code is not None
    return session.exit_code


async def _fed(session: "TaskSession", escape: Escape) -> None:
    from quarterdeck.engine.cli import pipes

    async for data in pipes.read(sys.stdin.fileno()):
        typed, left = escape.feed(data)
        if typed:
            await session.write(typed)
        if left:
            raise _Left
    await session.end_input()


async def _resized(session: "TaskSession", resized: Any) -> None:  # noqa: ANN401 - asyncio is imported late
    while True:
        await resized.wait()
        resized.clear()
        size = _size()
        await session.resize(size.rows, size.columns)


@contextmanager
def _raw(*, active: bool) -> Iterator[None]:
    """Let the terminal pass every key on, for the length of a block."""
    if not active:
        yield
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor, termios.TCSADRAIN)  # what was typed ahead is kept
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
