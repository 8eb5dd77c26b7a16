"""Env: the variables that point AWS's tools and NATS clients at a running `up`."""

import shlex
from pathlib import Path
from typing import Any

import click

from quarterdeck.engine.cli import target


@click.command
@target.DATA
@target.CONFIG
@click.option("--region", help="Region (default: us-east-1, or AWS_REGION).")
@click.option("--account", help="Account whose access key is meant (default: 000000000000).")
def command(**options: Any) -> None:  # noqa: ANN401 - click's
    """Print exports for the shell: eval "$(quarterdeck env)".

    The access key is the account's oldest (`quarterdeck key list`); NATS_URL and NATS_CREDS are an operator's.
    """
    from quarterdeck.engine import running
    from quarterdeck.engine.api.keys import Keys, KeysUnreadable

    settings = target.settings(**options)
    try:
        up = running.find(settings.data)
    except running.NotRunning as error:
        raise target.Place(str(error)) from error
    try:
        keys = [key for key in Keys(Path(up.data)).all() if key.account == settings.account]
    except KeysUnreadable as error:
        raise click.ClickException(str(error)) from error
    if not keys:
        raise click.ClickException(f"Account {settings.account} has no access key: quarterdeck key create.")
    variables = {
        "AWS_ENDPOINT_URL_ECS": up.http,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_ACCESS_KEY_ID": keys[0].id,
        "AWS_SECRET_ACCESS_KEY": keys[0].secret,
        "NATS_URL": up.nats,
        "NATS_CREDS": up.nats_creds or "",
    }
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
