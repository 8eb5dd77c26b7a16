"""Scale: how many tasks a service has."""

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, nouns, people, rollout, table
from quarterdeck.engine.cli.service import SERVICE

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient


@click.command
@names.argument("service")
@click.argument("count", type=click.IntRange(min=0))
@click.option("--wait", is_flag=True, help="Wait until so many run.")
@rollout.TIMEOUT
@people.options
def command(
    service: str,
    count: int,
    output: str,
    *,
    wait: bool,
    timeout: float,
    **options: Any,  # noqa: ANN401 - click's
) -> None:
    """Give SERVICE as many tasks as COUNT says."""
    cluster = options.get("cluster")

    async def work(client: "RemoteClient") -> None:
        found = await nouns.one(client, SERVICE, cluster, service)
        changed = await client.update_service(cluster=cluster, service=found.service_arn, desired_count=count)
        last: Any = changed.service
        if wait:
            last = await rollout.settled(client, rollout.Wanted(cluster, last, timeout, quiet=output == "json"))
        table.echo(SERVICE.columns, [last], output)

    people.run(options, work)
