"""Env: the variables that point AWS's tools and NATS clients at a running `up`."""

import shlex
from typing import Any

import click

from quarterdeck.engine.cli import target

KEY_ID = "AKIAQUARTERDECK00000"
SECRET = "quarterdeck"  # noqa: S105 - a placeholder: nothing checks it yet


@click.command
@target.DATA
@target.CONFIG
@click.option("--region", help="Region (default: us-east-1, or AWS_REGION).")
def command(**options: Any) -> None:  # noqa: ANN401 - click's
    """Print exports for the shell: eval "$(quarterdeck env)".

    The AWS keys are placeholders: the ECS API over HTTP is not served yet. NATS_URL and NATS_CREDS are an operator's.
    """
    from quarterdeck.engine import running

    settings = target.settings(**options)
    try:
        up = running.find(settings.data)
    except running.NotRunning as error:
        raise target.Place(str(error)) from error
    variables = {
        "AWS_ENDPOINT_URL_ECS": up.http,
        "AWS_REGION": settings.region,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "NATS_URL": up.nats,
        "NATS_CREDS": up.nats_creds or "",
    }
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
