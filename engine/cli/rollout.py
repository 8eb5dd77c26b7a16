"""Roll-out: a service on its way to where it should be: seen live on a terminal, in lines elsewhere."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from quarterdeck.engine.cli import nouns, table
from quarterdeck.engine.cli.service import DEPLOYMENTS, SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quarterdeck.engine.remote import RemoteClient

TIMEOUT = click.option(
    "--timeout", type=click.FloatRange(min=0), default=600.0, help="Seconds to wait for it to settle (default 600)."
)
POLL_SECONDS = 0.2
EVENTS_SHOWN = 5

Show = Callable[[Any], None]


class Wanted(NamedTuple):
    """What is waited for: a service as the change left it, for so many seconds; a deployment, if it is for one."""

    cluster: str | None
    service: Any
    timeout: float
    deployment: str = ""
    quiet: bool = False


class Failed(NamedTuple):
    """It will not settle as it was meant to, and why."""

    why: str


async def settled(client: "RemoteClient", wanted: Wanted) -> Any:  # noqa: ANN401 - a shape, imported late
    """Wait until the service has settled, and show how it goes; end with 1 if it does not."""
    import asyncio

    loop = asyncio.get_running_loop()
    deadline = loop.time() + wanted.timeout
    name = wanted.service.service_arn
    with _view(wanted) as show:
        while True:
            service = await nouns.one(client, SERVICE, wanted.cluster, name)
            show(service)
            found = verdict(service, wanted.deployment)
            if found is True:
                return service
            if isinstance(found, Failed):
                raise click.ClickException(f"{service.service_name} did not settle: {found.why}.")
            if loop.time() >= deadline:
                raise click.ClickException(_late(service, wanted.timeout))
            await asyncio.sleep(POLL_SECONDS)


def verdict(service: Any, deployment: str) -> bool | Failed:  # noqa: ANN401 - a shape, imported late
    """Say whether a service has settled, can still do so (False), or how it has failed to."""
    if service.status != "ACTIVE":
        return Failed(f"it is {service.status}")
    deployments = service.deployments or []
    ours = [each for each in deployments if each.id == deployment]
    for each in ours:
        if each.rollout_state == "FAILED":
            return Failed(f"{each.id} failed: {each.rollout_state_reason or 'no reason was given'}")
    primary = next((each for each in deployments if each.status == "PRIMARY"), None)
    given_up = f"(deployment {deployment}) deployment failed: "
    why = next((each.message.partition(given_up)[2] for each in service.events or [] if given_up in each.message), "")
    if why:
        return Failed(f"{deployment} failed: {why.rstrip('.')}" + _back(primary, deployment))
    if deployment and primary is not None and primary.id != deployment:
        return Failed(f"{primary.id} of {table.text(primary.task_definition)} has taken the place of {deployment}")
    rolled_out = primary is None or primary.rollout_state in {None, "COMPLETED"}
    complete = service.running_count == service.desired_count and not service.pending_count
    return rolled_out and complete and len(deployments) <= 1


def _back(primary: Any, deployment: str) -> str:  # noqa: ANN401 - likewise
    if primary is None or primary.id == deployment:
        return ""
    return f"; rolled back to {primary.id} of {table.text(primary.task_definition)}"


def _late(service: Any, seconds: float) -> str:  # noqa: ANN401 - likewise
    events = service.events or []
    last = f" Last: {events[0].message}" if events else ""
    return (
        f"{service.service_name} did not settle within {seconds:g} s: {service.running_count} of "
        f"{service.desired_count} running, {service.pending_count} pending, {len(service.deployments or [])} "
        f"deployments.{last} It goes on: `quarterdeck service describe {service.service_name}` shows it, "
        "`quarterdeck task ls --stopped` why tasks stopped."
    )


def _view(wanted: Wanted) -> AbstractContextManager[Show]:
    from rich.console import Console

    console = Console()
    if wanted.quiet:
        return nullcontext(lambda _service: None)
    return _live(console) if console.is_terminal else nullcontext(_lines(wanted.service))


def line(service: Any) -> str:  # noqa: ANN401 - likewise
    """Say in a line how far a service is."""
    parts = [
        f"{each.status} {table.text(each.task_definition)} {each.running_count}/{each.desired_count} running"
        + (f", {each.pending_count} pending" if each.pending_count else "")
        + (f", {each.failed_tasks} failed" if each.failed_tasks else "")
        + (f" ({each.rollout_state})" if each.rollout_state else "")
        for each in service.deployments or []
    ]
    return f"{service.service_name}: {'; '.join(parts)}"


def _lines(before: Any) -> Show:  # noqa: ANN401 - likewise
    seen = {each.id for each in before.events or []}
    last = ""

    def show(service: Any) -> None:  # noqa: ANN401 - likewise
        nonlocal last
        for event in reversed(service.events or []):
            if event.id not in seen:
                seen.add(event.id)
                click.echo(event.message)
        if line(service) != last:
            last = line(service)
            click.echo(last)

    return show


@contextmanager
def _live(console: Any) -> "Iterator[Show]":  # noqa: ANN401 - rich is imported late
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def drawn(service: Any) -> Any:  # noqa: ANN401 - likewise
        shown = Table(*(column.title for column in DEPLOYMENTS if not column.wide), "", box=None)
        for each in service.deployments or []:
            cells = [table.text(column.value(each)) for column in DEPLOYMENTS if not column.wide]
            bar = ProgressBar(total=max(each.desired_count or 0, 1), completed=each.running_count or 0, width=20)
            shown.add_row(*cells, bar)
        outer = Table.grid()
        outer.add_row(shown)
        for event in reversed((service.events or [])[:EVENTS_SHOWN]):
            outer.add_row(Text(event.message or "", style="dim"))
        return outer

    with Live(console=console, auto_refresh=False) as live:
        yield lambda service: live.update(drawn(service), refresh=True)
