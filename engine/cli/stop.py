"""Stop: one task, told to stop, with a reason."""

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, nouns, people, table
from quarterdeck.engine.cli.task import TASK

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient


@click.command
@names.argument("task")
@click.option("--reason", help="Why; kept with the task, and in the log.")
@people.options
def command(task: str, reason: str | None, output: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Stop TASK (an id, how it begins, or an ARN). A service replaces it."""
    cluster = options.get("cluster")

    async def work(client: "RemoteClient") -> None:
        found = await nouns.one(client, TASK, cluster, task)
        answer = await client.stop_task(cluster=cluster, task=found.task_arn, reason=reason)
        table.echo(TASK.columns, [answer.task], output)

    people.run(options, work)
