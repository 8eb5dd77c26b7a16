"""Names: what there is of each noun, for lists, for resolving what was typed, and for completion in a shell."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import target

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient
    from quarterdeck.engine.settings import Settings

LISTS = {
    "cluster": "cluster_arns",
    "container_instance": "container_instance_arns",
    "service": "service_arns",
    "task": "task_arns",
    "task_definition": "task_definition_arns",
}
IN_CLUSTER = {"container_instance", "service", "task"}
COMPLETE_SECONDS_MAX = 2.0

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


async def listed(client: "RemoteClient", noun: str, cluster: str | None, **filters: object) -> list[str]:
    """List the ARNs of all there is, page by page. Raises Refusal, Unreachable."""
    from quarterdeck.engine.overview import pages

    ask = getattr(client, f"list_{noun}s")
    if noun in IN_CLUSTER:
        filters["cluster"] = cluster
    return await pages(lambda token: ask(**filters, next_token=token), LISTS[noun])


def completer(noun: str) -> Complete:
    """Complete live names of a noun; where nothing answers, nothing is offered."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        try:
            return _complete(context, noun, incomplete)
        except Exception:  # noqa: BLE001 - a shell that completes shows no errors
            return []

    return complete


def _complete(context: click.Context, noun: str, incomplete: str) -> list[str]:
    import asyncio

    given = context.params
    told = {name: given.get(name) for name in ("data", "nats", "creds", "region", "account")}
    config = given.get("config")
    for name in ("data", "creds"):
        told[name] = Path(str(told[name])) if told[name] else None
    settings = target.settings(Path(config) if config else None, **told)
    return asyncio.run(_matching(settings, noun, given.get("cluster"), incomplete))


async def _matching(settings: "Settings", noun: str, cluster: str | None, incomplete: str) -> list[str]:
    import asyncio

    from quarterdeck.events.names import short_name

    async with asyncio.timeout(COMPLETE_SECONDS_MAX):
        async with await target.connect(settings) as client:
            names = [short_name(arn) for arn in await listed(client, noun, cluster)]
    return [name for name in names if name.startswith(incomplete)]


def argument(noun: str, name: str = "", **more: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - click's
    """Make a command's argument that names one of a noun."""
    return click.argument(name or noun, shell_complete=completer(noun), **more)
