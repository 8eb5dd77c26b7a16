"""Task definition: families and their revisions, for people."""

from typing import Any

import click

from quarterdeck.engine.cli import nouns
from quarterdeck.engine.cli.table import Column, when


def _ports(container: Any) -> list[str]:  # noqa: ANN401 - a shape, imported late
    return [f"{each.host_port or '*'}->{each.container_port}" for each in container.port_mappings or []]


TASK_DEFINITION = nouns.Noun(
    name="task_definition",
    columns=(
        Column("task definition", lambda each: each.task_definition_arn),
        Column("status", lambda each: each.status),
        Column("images", lambda each: [one.image for one in each.container_definitions or []]),
        Column("network", lambda each: each.network_mode, wide=True),
        Column("cpu", lambda each: each.cpu, wide=True),
        Column("memory", lambda each: each.memory, wide=True),
        Column("registered", lambda each: when(each.registered_at), wide=True),
    ),
    sections=lambda each: [
        (
            "Containers",
            (
                Column("name", lambda one: one.name),
                Column("image", lambda one: one.image),
                Column("cpu", lambda one: one.cpu),
                Column("memory", lambda one: one.memory or one.memory_reservation),
                Column("essential", lambda one: one.essential is not False),
                Column("ports", _ports),
                Column("command", lambda one: " ".join(one.command or []), wide=True),
            ),
            each.container_definitions,
        )
    ],
)

command = nouns.group(
    TASK_DEFINITION,
    "List and describe task definitions.",
    click.option("--family", "_family_prefix", help="Only families that begin so."),
    click.option("--status", "_status", type=click.Choice(["ACTIVE", "INACTIVE"]), help="Which (default ACTIVE)."),
)
