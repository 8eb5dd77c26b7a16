"""Task: tasks with their containers, for people."""

from typing import Any

import click

from quarterdeck.engine.cli import names, nouns, task_stats
from quarterdeck.engine.cli.table import Column, when


def _ports(container: Any) -> list[str]:  # noqa: ANN401 - a shape, imported late
    return [
        f"{each.bind_ip}:{each.host_port_range or each.host_port}->{each.container_port_range or each.container_port}"
        for each in container.network_bindings or []
    ]


TASK = nouns.Noun(
    name="task",
    states=("RUNNING", "STOPPED"),
    include=("TAGS",),
    columns=(
        Column("task", lambda each: each.task_arn),
        Column("status", lambda each: each.last_status),
        Column("desired", lambda each: each.desired_status),
        Column("group", lambda each: each.group),
        Column("task definition", lambda each: each.task_definition_arn),
        Column("instance", lambda each: each.container_instance_arn),
        Column("zone", lambda each: each.availability_zone),
        Column("health", lambda each: each.health_status, wide=True),
        Column("started by", lambda each: each.started_by, wide=True),
        Column("started", lambda each: when(each.started_at), wide=True),
        Column("stopped", lambda each: when(each.stopped_at), wide=True),
        Column("reason", lambda each: each.stopped_reason, wide=True),
    ),
    sections=lambda each: [
        (
            "Containers",
            (
                Column("name", lambda one: one.name),
                Column("image", lambda one: one.image),
                Column("status", lambda one: one.last_status),
                Column("health", lambda one: one.health_status),
                Column("exit code", lambda one: one.exit_code),
                Column("ports", _ports),
                Column("reason", lambda one: one.reason),
            ),
            each.containers,
        ),
        ("Tags", (Column("key", lambda tag: tag.key), Column("value", lambda tag: tag.value)), each.tags),
    ],
)

command = nouns.group(
    TASK,
    "List and describe tasks, and what they use.",
    click.option("--stopped", "_desired_status", flag_value="STOPPED", help="Those that are to stop, or have."),
    click.option("--family", "_family", help="Only those of a task definition's family."),
    click.option("--started-by", "_started_by", help="Only those started by it."),
    click.option(
        "--service", "_service_name", shell_complete=names.completer("service"), help="Only those of a service."
    ),
)
command.add_command(task_stats.command)
