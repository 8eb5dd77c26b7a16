"""Call: one operation of ECS, in JSON, as NATS carries it."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.engine.cli import target

if TYPE_CHECKING:
    from quarterdeck.engine.settings import Settings


@click.command
@click.argument("operation")
@click.argument("document", default="{}")
@click.option("--token", default="", help="Command id: a repeat with the same one gets the first outcome.")
@click.option("--compact", is_flag=True, help="Print the answer on one line.")
@target.options
def command(operation: str, document: str, token: str, *, compact: bool, **options: object) -> None:
    """Carry out OPERATION with DOCUMENT, its request in ECS's JSON ("-" reads it from stdin, "@FILE" from a file).

    \b
    quarterdeck call ListTasks
    quarterdeck call RunTask '{"cluster": "web", "taskDefinition": "job:1", "count": 2}'

    Prints the answer. A refusal ends with 1 and ECS's code and message on stderr.
    """  # noqa: D301 - click wants the character: what follows keeps its lines
    if re.fullmatch("[A-Za-z]{1,64}", operation) is None:
        raise click.UsageError(f"{operation!r} is not the name of an operation, such as RunTask.")
    body = _read(document)
    target.run(_call(target.settings(**options), operation, body, token, compact=compact))  # type: ignore[arg-type]


def _read(document: str) -> bytes:
    if document == "-":
        return sys.stdin.buffer.read()
    if document.startswith("@"):
        try:
            return Path(document[1:]).read_bytes()
        except OSError as error:
            raise click.UsageError(f"{document[1:]} can't be read: {error.strerror}.") from error
    return document.encode()


async def _call(settings: "Settings", operation: str, body: bytes, token: str, *, compact: bool) -> None:
    import msgspec

    async with await target.connect(settings) as client:
        answer = await client.request(operation, body, _cluster(body), token)
    click.echo(answer if compact else msgspec.json.format(answer, indent=2))


def _cluster(body: bytes) -> str:
    """Find the cluster for the subject; "-" leaves it to the body, and mistakes in it to the engine."""
    import msgspec

    from quarterdeck.events.names import NAME, short_name

    try:
        named = msgspec.json.decode(body).get("cluster")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError):
        return "-"
    name = short_name(named) if isinstance(named, str) else ""
    return name if NAME.fullmatch(name) else "-"
