"""Explain: why a task was placed where it is: every instance's verdict at that moment, derived from the log."""

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import table, target
from quarterdeck.engine.cli.table import Column

if TYPE_CHECKING:
    from quarterdeck.engine.rebuild import Decision
    from quarterdeck.engine.settings import Settings


@click.command
@click.argument("task")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="A table or JSON.")
@target.options
def command(task: str, output: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Show why TASK (an id, how it begins, or an ARN) was placed where it is.

    Folds the log up to the moment before, judges every instance by the same rule, and ends with 1 should that
    not choose what was chosen.
    """
    target.run(_explain(target.settings(**options), task.rpartition("/")[2], output))


async def _explain(settings: "Settings", task: str, output: str) -> None:
    from contextlib import aclosing

    import msgspec

    from quarterdeck.engine import rebuild

    async with await target.connect(settings, engine=True) as client, aclosing(client.records()) as batches:
        found = await rebuild.decision(batches, task)
    if found is None:
        raise click.ClickException(f"No task {task} was ever placed.")
    if output == "json":
        click.echo(msgspec.json.encode(_document(found)))
    else:
        _print(found)
    if not found.asked and not found.agrees:
        raise click.ClickException("The same rule on the same state chooses another instance: please report this.")


def _document(found: "Decision") -> dict[str, object]:
    return {
        "sequence": found.sequence,
        "task": found.placed.task,
        "cluster": found.placed.cluster,
        "group": found.requested.group,
        "containerInstance": found.placed.container_instance,
        "zone": found.placed.zone,
        "asked": found.asked,
        "agrees": found.agrees,
        "explanation": found.placed.explanation,
        "verdicts": found.verdicts,
    }


def _print(found: "Decision") -> None:
    from quarterdeck.engine.cli.words import time

    placed = found.placed
    click.echo(f"Task {placed.task} of {found.requested.group}, {found.requested.task_definition}")
    click.echo(f"was placed on {placed.container_instance} in {placed.zone}")
    click.echo(f"at position {found.sequence}, {time(found.commit.at)}, by {found.commit.actor}.")
    if found.asked:
        click.echo("Nothing was chosen: the caller named the instance, or its service runs on every one.")
    chosen = placed.container_instance
    columns = (
        Column("", lambda each: "->" if each.container_instance == chosen else " "),
        Column("container instance", lambda each: each.container_instance),
        Column("zone", lambda each: each.zone),
        Column("tasks in zone", lambda each: each.zone_tasks),
        Column("tasks on it", lambda each: each.instance_tasks),
        Column("verdict", lambda each: f"{each.reason}: {each.detail}" if each.reason else "fits"),
    )
    click.echo(table.table(columns, found.verdicts, wide=False))
