"""Secret: an account's own secrets, which tasks get as environment variables."""

import sys
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from quarterdeck.engine.cli import people, target
from quarterdeck.engine.cli.table import Column, echo, when

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient

COLUMNS = (
    Column("secret", lambda each: each.name),
    Column("version", lambda each: each.version),
    Column("created", lambda each: when(each.created_at)),
    Column("changed", lambda each: when(each.changed_at)),
)


@click.group
def command() -> None:
    """Store, list and delete secrets: what `secrets` and `repositoryCredentials` of task definitions name.

    `valueFrom` is a secret's name, or an ARN of Secrets Manager or of an SSM parameter with that name.
    """


@command.command
@target.options
@click.option("--file", "source", type=click.File("rb"), help="Read the value from a file (default: from stdin).")
@click.argument("name")
def put(name: str, source: Any, **options: Any) -> None:  # noqa: ANN401 - click's
    """Store a value under NAME, a new one or another one; it is asked for, or read from a pipe.

    Running tasks keep the value they started with.
    """
    value = _value(source)

    async def work(client: "RemoteClient") -> None:
        stored = await client.store_secret(name, value)
        click.echo(f"{stored.name} version {stored.version}")

    people.run(options, work)


@command.command
@target.options
@people.OUTPUT
def ls(output: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """List secrets; their values are shown to nobody."""

    async def work(client: "RemoteClient") -> None:
        echo(COLUMNS, await client.secrets(), output)

    people.run(options, work)


@command.command
@target.options
@click.argument("name")
def rm(name: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Delete NAME: tasks that need it can't start any more."""

    async def work(client: "RemoteClient") -> None:
        await client.delete_secret(name)

    people.run(options, work)


def _value(source: "BinaryIO | None") -> str:
    """Read the value: from a file or a pipe, without its last line end, or a person who is not shown what is typed."""
    if source is None and sys.stdin.isatty():
        value: str = click.prompt("Value", hide_input=True, confirmation_prompt=True)
        return value
    read = (source or sys.stdin.buffer).read()
    try:
        return read.removesuffix(b"\r\n" if read.endswith(b"\r\n") else b"\n").decode()
    except UnicodeDecodeError as error:
        raise click.ClickException("A secret's value must be text in UTF-8; base64 makes text of anything.") from error
