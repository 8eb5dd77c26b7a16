"""Key: access keys for the ECS API over HTTP."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import target

if TYPE_CHECKING:
    from quarterdeck.engine.api.keys import Keys
    from quarterdeck.engine.settings import Settings


@click.group
def command() -> None:
    """Create, list and delete access keys: who may use the ECS API, each for one account.

    A key is good, or refused, from the moment it is created, or deleted; a running engine need not be told.
    """


@command.command
@target.DATA
@target.CONFIG
@click.option("--account", help="Account the key acts in, 12 digits (default: 000000000000).")
@click.option("--user", default="operator", show_default=True, help="Name in the log: arn:aws:iam::ACCOUNT:user/NAME.")
def create(user: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Create a key and print it as exports for the shell."""
    from quarterdeck.engine.api.keys import USER
    from quarterdeck.engine.shell.clock import SystemClock

    if USER.fullmatch(user) is None:
        raise click.UsageError(f"{user!r} is no user name: up to 64 letters, digits and +=,.@_-.")
    settings = target.settings(**options)
    made = _done(lambda: _keys(settings).create(settings.account, SystemClock().now(), user))
    click.echo(f"export AWS_ACCESS_KEY_ID={made.id}\nexport AWS_SECRET_ACCESS_KEY={made.secret}")


@command.command("list")
@target.DATA
@target.CONFIG
def list_(**options: Any) -> None:  # noqa: ANN401 - click's
    """List the keys, without their secrets."""
    keys = _keys(target.settings(**options))
    for each in _done(keys.all):
        created = datetime.fromtimestamp(each.created, UTC).isoformat(timespec="seconds")
        click.echo(f"{each.id}  {each.account}  {created}  {each.user}")


@command.command
@click.argument("key")
@target.DATA
@target.CONFIG
def delete(key: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Delete KEY; requests signed with it are refused from now on."""
    keys = _keys(target.settings(**options))
    _done(lambda: keys.delete(key))


def _keys(settings: "Settings") -> "Keys":
    from quarterdeck.engine.api.keys import Keys

    return Keys(Path(settings.data))


def _done(work: Any) -> Any:  # noqa: ANN401 - a step and what it gives
    from quarterdeck.engine.api.keys import KeysUnreadable, NoSuchKey

    try:
        return work()
    except (KeysUnreadable, NoSuchKey) as error:
        raise click.ClickException(str(error)) from error
