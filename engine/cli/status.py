"""Status: clusters with their container instances and services, as the engine describes them now."""

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import target

if TYPE_CHECKING:
    from quarterdeck.engine.overview import ClusterOverview, Overview
    from quarterdeck.engine.settings import Settings


@click.command
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Tables or JSON.")
@target.options
def command(output: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Show the log's position, clusters, container instances and services."""
    target.run(_show(target.settings(**options), output))


async def _show(settings: "Settings", output: str) -> None:
    import msgspec

    from quarterdeck.engine.overview import look
    from quarterdeck.engine.remote import connect

    url, creds = target.locate(settings)
    async with await connect(url, creds=creds, region=settings.region, account=settings.account) as client:
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
    from rich.console import Console
    from rich.table import Table

    from quarterdeck.engine.cli.words import short

    instances = Table("container instance", "zone", "status", "agentConnected", "running", "pending", box=None)
    for each in cluster.instances:
        connected = "TRUE" if each.agent_connected else "FALSE"
        instances.add_row(short(each.id), each.zone, each.status, connected, str(each.running), str(each.pending))
    services = Table("service", "status", "desired", "running", "pending", "task definition", box=None)
    for service in cluster.services:
        counts = (str(service.desired), str(service.running), str(service.pending))
        services.add_row(service.name, service.status, *counts, service.task_definition)
    for table in (instances, services):
        if table.row_count:
            Console().print(table)
