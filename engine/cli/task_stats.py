"""Task stats: what the containers of tasks use, as their agents told last."""

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from quarterdeck.engine.cli import names, people, target, watch
from quarterdeck.engine.cli.table import Column, echo

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient
    from quarterdeck.events.stats import InstanceStats, Stats

STEP = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
SERVICE = "service:"


class Row(NamedTuple):
    """One container, and where it is."""

    instance: str
    task: str
    group: str
    container: str
    stats: "Stats"


def size(count: float) -> str:
    """Write bytes for people."""
    unit = 0
    while count >= STEP and unit < len(UNITS) - 1:
        count, unit = count / STEP, unit + 1
    return f"{count:.1f} {UNITS[unit]}" if unit else f"{count:.0f} {UNITS[0]}"


COLUMNS = (
    Column("task", lambda row: row.task),
    Column("container", lambda row: row.container),
    Column("group", lambda row: row.group),
    Column("instance", lambda row: row.instance, wide=True),
    Column("cpu %", lambda row: f"{row.stats.cpu_percent:.1f}"),
    Column("memory", lambda row: size(row.stats.memory_bytes)),
    Column("limit", lambda row: size(row.stats.memory_limit_bytes)),
    Column("received", lambda row: f"{size(row.stats.rx_bytes)} ({size(row.stats.rx_bytes_per_second)}/s)"),
    Column("sent", lambda row: f"{size(row.stats.tx_bytes)} ({size(row.stats.tx_bytes_per_second)}/s)"),
    Column("read", lambda row: size(row.stats.read_bytes)),
    Column("written", lambda row: size(row.stats.write_bytes)),
    Column("processes", lambda row: row.stats.pids, wide=True),
)


@click.command("stats")
@target.options
@people.CLUSTER
@watch.OPTIONS[0]
@watch.OPTIONS[1]
@people.OUTPUT
@click.option("--service", shell_complete=names.completer("service"), help="Only the tasks of a service.")
@click.argument("task", required=False)
def command(
    task: str | None,
    service: str | None,
    output: str,
    *,
    watched: bool,
    interval: float,
    **options: Any,  # noqa: ANN401 - click's
) -> None:
    """Show what containers use: CPU (of one), memory, network, disk; of TASK, of a service, or of a cluster.

    Agents look every `--stats-interval` seconds; the first figures of a container come with the second look.
    """
    cluster = options.get("cluster")

    async def work(client: "RemoteClient") -> None:
        async def look() -> list[Any]:
            found = rows(await client.usage(cluster), task, service)
            return [row._asdict() for row in found] if output == "json" else found

        if watched:
            await watch.watch(look, COLUMNS, output, interval)
        echo(COLUMNS, await look(), output)

    people.run(options, work)


def rows(instances: "list[InstanceStats]", task: str | None, service: str | None) -> list[Row]:
    """Choose the containers that are meant, those that use the most CPU first."""
    from quarterdeck.events.names import short_name

    found = [
        Row(instance.container_instance, each.task, each.group, container.name, container.stats)
        for instance in instances
        for each in instance.tasks
        if (task is None or each.task.startswith(short_name(task)))
        and (service is None or each.group == SERVICE + short_name(service))
        for container in each.containers
    ]
    return sorted(found, key=lambda row: (-row.stats.cpu_percent, row.task, row.container))
