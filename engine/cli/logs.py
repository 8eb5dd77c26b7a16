"""Logs: what the containers of a task or of a service wrote, for people and for programs."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, nouns, people, target
from quarterdeck.engine.cli.service import SERVICE
from quarterdeck.engine.cli.task import TASK

if TYPE_CHECKING:
    from quarterdeck.engine.core.errors import Refusal
    from quarterdeck.engine.remote import RemoteClient
    from quarterdeck.engine.task_logs import Line

COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_cyan", "bright_yellow", "bright_green")


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for noun in ("service", "task") for name in names.completer(noun)(context, parameter, incomplete)]


@click.command
@click.argument("name", metavar="TASK|SERVICE", shell_complete=_complete)
@click.option("--container", default="", help="Only of this container.")
@click.option("-f", "--follow", is_flag=True, help="Go on, with tasks the service starts later too, until Ctrl-C.")
@click.option("--since", default="", help="Only from a time on (ISO 8601), or from a while ago (90s, 10m, 2h, 1d).")
@click.option("--until", default="", help="Only before a time, likewise.")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last so many lines of each container.")
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), help="Only of this stream.")
@click.option("-t", "--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Lines, or JSON a line.")
@people.CLUSTER
@target.options
def command(name: str, output: str, *, timestamps: bool, stream: str | None, **options: Any) -> None:  # noqa: ANN401 - click's
    """Print what the containers of TASK, or of all tasks of SERVICE, wrote to stdout and stderr.

    \b
    quarterdeck logs web -f --since 10m         all tasks of a service, in order, as they go on
    quarterdeck logs 3f8a --tail 20             a task: an id, how it begins, or an ARN

    Logs of stopped tasks are there too, for as long as their instance keeps them. Both streams come out on stdout;
    --stream and -o json tell them apart.
    """  # noqa: D301 - click wants the character: what follows keeps its lines
    asked = {each: options.pop(each) for each in ("container", "follow", "tail")}
    asked["since"], asked["until"] = _time("--since", options.pop("since")), _time("--until", options.pop("until"))
    cluster = options.get("cluster")
    failed: list[str] = []

    async def work(client: "RemoteClient") -> None:
        meant, several = await _meant(client, cluster, name, asked["container"])
        shown = _json if output == "json" else _text(several=several, timestamps=timestamps)
        await _print(client.logs(cluster=cluster, **meant, **asked, problem=_problem(failed)), shown, stream)

    people.run(options, work)
    if failed:
        sys.exit(target.REFUSED)


def _time(option: str, text: str) -> float | None:
    from quarterdeck.engine.cli import selection
    from quarterdeck.engine.shell.clock import SystemClock

    try:
        return selection.since(text, SystemClock().now()) if text else None
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from error


async def _meant(client: "RemoteClient", cluster: str | None, name: str, container: str) -> tuple[dict[str, Any], bool]:
    """Find out whether a service or a task is meant, and whether it has several containers to tell apart."""
    from quarterdeck.events.names import NAME, short_name

    if ":task/" not in name and NAME.fullmatch(short_name(name)):
        services = await nouns.described(client, SERVICE, cluster, [name])
        if any(each.status != "INACTIVE" for each in services):
            return {"service": name}, True
    try:
        task = await nouns.one(client, TASK, cluster, name)
    except click.ClickException as error:
        raise click.ClickException(
            f"{error.message} `quarterdeck service ls` shows the services, and `quarterdeck task ls --stopped` the "
            "tasks that have stopped."
        ) from error
    return {"task": task.task_arn}, not container and len(task.containers or []) > 1


def _problem(failed: list[str]) -> Callable[[str, "Refusal"], None]:
    def say(where: str, error: "Refusal") -> None:
        failed.append(where)
        click.echo(f"{where}: {error.message}", err=True)

    return say


async def _print(lines: Any, shown: "Callable[[Line], bytes]", stream: str | None) -> None:  # noqa: ANN401 - a generator
    from contextlib import aclosing

    from quarterdeck.engine.cli.pipes import Writer

    writer = Writer(sys.stdout)
    async with aclosing(lines) as found:
        async for line in found:
            if stream in {None, line.stream}:
                await writer.write(shown(line))
    await writer.close()


def _json(line: "Line") -> bytes:
    """Write a line; one longer than 16 KiB comes in parts, all but the last marked."""
    import msgspec

    said = {
        "at": _when(line),
        "task": line.task,
        "container": line.container,
        "stream": line.stream,
        "text": line.text,
    }
    return msgspec.json.encode(said if line.whole else {**said, "partial": True}) + b"\n"


def _when(line: "Line") -> str:
    """Write a line's time as ISO 8601 to the nanosecond, in UTC."""
    return f"{line.time:%Y-%m-%dT%H:%M:%S}.{line.at % 1_000_000_000:09d}Z"


def _text(*, several: bool, timestamps: bool) -> "Callable[[Line], bytes]":
    """Write lines; where there are several containers each has its name before it, coloured on a terminal."""
    coloured = sys.stdout.isatty()
    prefixes: dict[tuple[str, str], bytes] = {}
    unfinished: tuple[str, str, str] | None = None

    def prefix(line: "Line") -> bytes:
        key = (line.task, line.container)
        if several and key not in prefixes:
            prefixes[key] = _prefix(*key, COLOURS[len(prefixes) % len(COLOURS)] if coloured else None)
        return prefixes.get(key, b"") + (f"{_when(line)} ".encode() if timestamps else b"")

    def write(line: "Line") -> bytes:
        """Put the parts of a long line together, unless another one's line comes between."""
        nonlocal unfinished
        key = (line.task, line.container, line.stream)
        begin = b"" if unfinished == key else (b"\n" if unfinished else b"") + prefix(line)
        unfinished = None if line.whole else key
        return begin + line.data

    return write


def _prefix(task: str, container: str, colour: str | None) -> bytes:
    from quarterdeck.engine.cli.words import short

    name = f"{short(task)}/{container} | "
    return (click.style(name, fg=colour) if colour else name).encode()
