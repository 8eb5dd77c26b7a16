"""People: what the commands by noun share: their options, the connection, and refusals that say the way out."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, target

if TYPE_CHECKING:
    from quarterdeck.engine.core.errors import Refusal
    from quarterdeck.engine.remote import RemoteClient
    from quarterdeck.engine.settings import Settings

Work = Callable[["RemoteClient"], Awaitable[None]]

WAY_OUT = {
    "ClusterNotFoundException": "`quarterdeck cluster ls` shows the clusters there are; --cluster names one.",
    "ServiceNotFoundException": "`quarterdeck service ls` shows those there are; --cluster names another cluster.",
    "ServiceNotActiveException": "`quarterdeck service describe` shows its status.",
}


def _cluster(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    from quarterdeck.events.names import NAME, short_name

    if value is not None and NAME.fullmatch(short_name(value)) is None:
        raise click.BadParameter(f"{value!r} is no cluster's name: up to 255 letters, digits, - and _.")
    return value


CLUSTER = click.option(
    "--cluster",
    callback=_cluster,
    shell_complete=names.completer("cluster"),
    help="Cluster (default: `default`).",
)
OUTPUT = click.option(
    "-o", "--output", type=click.Choice(["table", "wide", "json"]), default="table", help="How much, and for whom."
)


def options(command: target.Function) -> target.Function:
    """Add the options of a command that answers something of a cluster."""
    return CLUSTER(OUTPUT(target.options(command)))


def run(options: dict[str, Any], work: Work) -> None:
    """Do a command's work with the client its options mean; what goes wrong becomes an exit code."""
    cluster = options.pop("cluster", None)
    target.run(_connected(target.settings(**options), cluster, work))


async def _connected(settings: "Settings", cluster: str | None, work: Work) -> None:
    from quarterdeck.engine.core.errors import Refusal

    async with await target.connect(settings) as client:
        try:
            await work(client)
        except Refusal as error:
            raise click.ClickException(refused(error, cluster)) from error


def refused(error: "Refusal", cluster: str | None) -> str:
    """Say what was refused, in ECS's words, about what, and where to look."""
    where = f" (cluster {cluster or 'default'})" if "Cluster" in error.code else ""
    way_out = WAY_OUT.get(error.code, "")
    return f"{error.code}: {error.message.rstrip('.')}{where}.{' ' if way_out else ''}{way_out}"


async def until(work: Coroutine[Any, Any, None], seconds: float | None) -> bool:
    """Wait for work to end; False when it takes longer than that."""
    import asyncio

    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return False
    return True
