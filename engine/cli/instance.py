"""Instance: container instances, for people: what they have, and taking them out of use."""

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, nouns, people, table
from quarterdeck.engine.cli.table import Column, when

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient

ZONE = "ecs.availability-zone"
TYPE = "ecs.instance-type"


def _attribute(instance: Any, name: str) -> str:  # noqa: ANN401 - a shape, imported late
    return next((each.value or "" for each in instance.attributes or [] if each.name == name), "")


def _left(instance: Any, name: str) -> str:  # noqa: ANN401 - likewise
    def amount(resources: Any) -> str:  # noqa: ANN401 - likewise
        return next((str(each.integer_value) for each in resources or [] if each.name == name), "?")

    return f"{amount(instance.remaining_resources)}/{amount(instance.registered_resources)}"


INSTANCE = nouns.Noun(
    name="container_instance",
    include=("TAGS",),
    columns=(
        Column("instance", lambda each: each.container_instance_arn),
        Column("status", lambda each: each.status),
        Column("agent connected", lambda each: bool(each.agent_connected)),
        Column("zone", lambda each: _attribute(each, ZONE)),
        Column("running", lambda each: each.running_tasks_count),
        Column("pending", lambda each: each.pending_tasks_count),
        Column("cpu left", lambda each: _left(each, "CPU")),
        Column("memory left", lambda each: _left(each, "MEMORY")),
        Column("type", lambda each: _attribute(each, TYPE), wide=True),
        Column("registered", lambda each: when(each.registered_at), wide=True),
    ),
    sections=lambda each: [
        ("Attributes", (Column("name", lambda one: one.name), Column("value", lambda one: one.value)), each.attributes),
        ("Tags", (Column("key", lambda tag: tag.key), Column("value", lambda tag: tag.value)), each.tags),
    ],
)

command = nouns.group(
    INSTANCE,
    "List and describe container instances; drain, activate, deregister them.",
    click.option("--status", "_status", type=click.Choice(["ACTIVE", "DRAINING"]), help="Only those."),
)


def _set(status: str, output: str, name: str, options: dict[str, Any]) -> None:
    cluster = options.get("cluster")

    async def work(client: "RemoteClient") -> None:
        found = await nouns.one(client, INSTANCE, cluster, name)
        answer = await client.update_container_instances_state(
            cluster=cluster, container_instances=[found.container_instance_arn], status=status
        )
        for failure in answer.failures or []:
            raise click.ClickException(
                f"Instance {name} can't be set {status}: {failure.reason} {failure.detail or ''}"
            )
        table.echo(INSTANCE.columns, answer.container_instances or [], output)

    people.run(options, work)


@command.command
@names.argument("container_instance", "name")
@people.options
def drain(name: str, output: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Take instance NAME out of use: nothing is placed there, and services' tasks move elsewhere."""
    _set("DRAINING", output, name, options)


@command.command
@names.argument("container_instance", "name")
@people.options
def activate(name: str, output: str, **options: Any) -> None:  # noqa: ANN401 - click's
    """Bring the drained instance NAME back into use."""
    _set("ACTIVE", output, name, options)


@command.command
@names.argument("container_instance", "name")
@click.option("--force", is_flag=True, help="Even while tasks run there.")
@people.options
def deregister(name: str, output: str, *, force: bool, **options: Any) -> None:  # noqa: ANN401 - click's
    """Take instance NAME out of the cluster; its tasks have to be gone, or it takes --force."""
    cluster = options.get("cluster")

    async def work(client: "RemoteClient") -> None:
        found = await nouns.one(client, INSTANCE, cluster, name)
        answer = await client.deregister_container_instance(
            cluster=cluster, container_instance=found.container_instance_arn, force=force
        )
        table.echo(INSTANCE.columns, [answer.container_instance], output)

    people.run(options, work)
