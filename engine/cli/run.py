"""Run: tasks of a task definition, on their own, without a service."""

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, nouns, people, table
from quarterdeck.engine.cli.task import TASK

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient

AT_ONCE = 10
POLL_SECONDS = 0.25


@click.command
@names.argument("task_definition")
@click.option("--count", type=click.IntRange(min=1), default=1, help="How many (default 1).")
@click.option("--group", help="Group they belong to (default family:FAMILY).")
@click.option("--started-by", help="Who started them, to find them by.")
@click.option(
    "--enable-execute-command", is_flag=True, default=None, help="Let `quarterdeck exec` run commands in them."
)
@click.option("--wait", is_flag=True, help="Wait until all have stopped; 0 only if every container ended with 0.")
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to wait (default: as long as it takes).")
@people.options
def command(output: str, *, wait: bool, timeout: float | None, **options: Any) -> None:  # noqa: ANN401 - click's
    """Run tasks of TASK_DEFINITION (FAMILY or FAMILY:REVISION).

    Ends with 1 if not all found a place; those that did go on.
    """
    cluster = options.get("cluster")
    told = ("task_definition", "count", "group", "started_by", "enable_execute_command")
    asked = {name: options.pop(name) for name in told}

    async def work(client: "RemoteClient") -> None:
        tasks, lacks = await _run(client, cluster, asked)
        arns = [each.task_arn for each in tasks]
        in_time = True
        if wait and arns:
            in_time = await people.until(_stopped(client, cluster, arns), timeout)
            tasks = await nouns.described(client, TASK, cluster, arns)
        if tasks or output == "json":
            table.echo(TASK.columns, tasks, output)
        if lacks:
            raise click.ClickException(_no_room(asked, len(tasks), lacks))
        if wait:
            _judge(tasks, in_time=in_time)

    people.run(options, work)


async def _run(client: "RemoteClient", cluster: str | None, asked: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    left = asked["count"]
    tasks: list[Any] = []
    while left > 0:
        part = min(left, AT_ONCE)
        answer = await client.run_task(**{**asked, "count": part}, cluster=cluster)
        tasks += answer.tasks or []
        if answer.failures:
            return tasks, answer.failures
        left -= part
    return tasks, []


async def _stopped(client: "RemoteClient", cluster: str | None, arns: list[str]) -> None:
    import asyncio

    while any(each.last_status != "STOPPED" for each in await nouns.described(client, TASK, cluster, arns)):
        await asyncio.sleep(POLL_SECONDS)


def _no_room(asked: dict[str, Any], placed: int, lacks: list[Any]) -> str:
    reasons = sorted({each.reason or "" for each in lacks})
    return (
        f"{placed} of {asked['count']} tasks of {asked['task_definition']} found a place: {', '.join(reasons)}. "
        "`quarterdeck instance ls` shows what is left where."
    )


def _judge(tasks: list[Any], *, in_time: bool) -> None:
    """End with 1 unless all went well."""
    if not in_time:
        raise click.ClickException("Not all have stopped in time; they go on. `quarterdeck task ls` shows them.")
    for task in tasks:
        bad = [each for each in task.containers or [] if each.exit_code != 0]
        if bad:
            said = ", ".join(f"{each.name} {_ended(each)}" for each in bad)
            raise click.ClickException(f"Task {task.task_arn} failed: {said}. {task.stopped_reason or ''}".strip())


def _ended(container: Any) -> str:  # noqa: ANN401 - a shape, imported late
    if container.exit_code is None:
        return f"has no exit code ({container.reason or 'it did not start'})"
    return f"ended with {container.exit_code}"
