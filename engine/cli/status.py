"""Status: clusters with their container instances and services, as the engine describes them now."""

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import table, target
from quarterdeck.engine.cli.table import Column

if TYPE_CHECKING:
    from quarterdeck.engine.overview import ClusterOverview, Overview
    from quarterdeck.engine.settings import Settings

INSTANCE = (
    Column("container instance", lambda each: each.id),
    Column("zone", lambda each: each.zone),
    Column("status", lambda each: each.status),
    Column("agentConnected", lambda each: each.agent_connected),
    Column("running", lambda each: each.running),
    Column("pending", lambda each: each.pending),
)
SERVICE = (
    Column("service", lambda each: each.name),
    Column("status", lambda each: each.status),
    Column("desired", lambda each: each.desired),
    Column("running", lambda each: each.running),
    Column("pending", lambda each: each.pending),
    Column("task definition", lambda each: each.task_definition),
)


@click.command
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Tables or JSON.")
@target.options
def command(output: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Show the log's position, clusters, container instances and services."""
    target.run(_show(target.settings(**options), output))


async def _show(settings: "Settings", output: str) -> None:
    import msgspec

    from quarterdeck.engine.overview import look

    async with await target.connect(settings) as client:
        found = await look(client)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _print(found)


def _print(found: "Overview") -> None:
    click.echo(f"position {found.sequence}, epoch {found.epoch}")
    if not found.clusters:
        click.echo("There is no cluster yet: the first agent, or CreateCluster, makes one.")
    for cluster in found.clusters:
        click.echo(f"\ncluster {cluster.name}  {cluster.status}  {cluster.running} tasks running")
        _tables(cluster)


def _tables(cluster: "ClusterOverview") -> None:
    for columns, items in ((INSTANCE, cluster.instances), (SERVICE, cluster.services)):
        if items:
            click.echo(table.table(columns, items, wide=False))
