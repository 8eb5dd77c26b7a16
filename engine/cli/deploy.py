"""Deploy: a new image, or task definition, for a service."""

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, nouns, people, rollout, table
from quarterdeck.engine.cli.service import SERVICE
from quarterdeck.engine.cli.task_definition import TASK_DEFINITION

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient


@click.command
@names.argument("service")
@click.option("--image", "images", multiple=True, metavar="CONTAINER=IMAGE", help="Image for a container; repeatable.")
@click.option(
    "--task-definition",
    metavar="FAMILY[:REV]",
    shell_complete=names.completer("task_definition"),
    help="Task definition to go to (without a revision: the latest).",
)
@click.option("--force", is_flag=True, help="New tasks even if nothing changes.")
@click.option("--wait/--no-wait", default=True, help="Show the roll-out until it has settled (default), or don't.")
@rollout.TIMEOUT
@people.options
def command(  # noqa: PLR0913 - click's
    service: str,
    images: tuple[str, ...],
    task_definition: str | None,
    *,
    force: bool,
    wait: bool,
    timeout: float,
    output: str,
    **options: Any,  # noqa: ANN401 - click's
) -> None:
    """Bring new images, or a task definition, to SERVICE.

    A new image is registered as the next revision of the task definition the service has now. Ends with 1 if the
    service does not settle in time; what was begun goes on.
    """
    wanted = _images(images)
    if bool(wanted) + bool(task_definition) + force == 0 or (wanted and task_definition):
        raise click.UsageError(
            "Say what to deploy: --image CONTAINER=IMAGE, --task-definition FAMILY[:REV] or --force."
        )
    cluster = options.get("cluster")

    async def work(client: "RemoteClient") -> None:
        found = await nouns.one(client, SERVICE, cluster, service)
        definition = await _definition(client, found, wanted, task_definition, force=force)
        answer = await client.update_service(
            cluster=cluster, service=found.service_arn, task_definition=definition, force_new_deployment=force
        )
        last: Any = answer.service
        if wait:
            primary = next((each.id for each in last.deployments or [] if each.status == "PRIMARY"), "")
            quiet = output == "json"
            last = await rollout.settled(client, rollout.Wanted(cluster, last, timeout, primary or "", quiet))
        table.echo(SERVICE.columns, [last], output)

    people.run(options, work)


def _images(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    for name, _, image in pairs:
        if not name or not image:
            raise click.UsageError(f"--image takes CONTAINER=IMAGE, such as web=nginx:1.27, not {name!r}.")
    return {name: image for name, _, image in pairs}


async def _definition(
    client: "RemoteClient",
    service: Any,  # noqa: ANN401 - a shape, imported late
    images: dict[str, str],
    named: str | None,
    *,
    force: bool,
) -> str | None:
    """Say which task definition the service is to have; None leaves it as it is."""
    if named:
        found = await nouns.one(client, TASK_DEFINITION, None, named)
        return str(found.task_definition_arn)
    if not images:
        return None
    described = await client.describe_task_definition(task_definition=service.task_definition, include=["TAGS"])
    definition: Any = described.task_definition
    _check(definition, images, service.service_name)
    if all(images.get(each.name, each.image) == each.image for each in definition.container_definitions):
        if force:
            return None
        raise click.ClickException(
            f"{service.service_name} has these images already; --force starts new tasks all the same."
        )
    return await _register(client, definition, images, described.tags)


def _check(definition: Any, images: dict[str, str], service: str) -> None:  # noqa: ANN401 - a shape, imported late
    there = [each.name for each in definition.container_definitions]
    for name in images:
        if name not in there:
            raise click.ClickException(
                f"{table.text(definition.task_definition_arn)}, which {service} has, has no container {name}; "
                f"it has {', '.join(there)}."
            )


async def _register(client: "RemoteClient", definition: Any, images: dict[str, str], tags: Any) -> str:  # noqa: ANN401
    """Register the next revision: all as it was, but for the images."""
    import msgspec

    from quarterdeck.events import shapes

    kept = {
        name: getattr(definition, name)
        for name in shapes.RegisterTaskDefinitionRequest.__struct_fields__
        if getattr(definition, name, None)
    }
    kept["container_definitions"] = [
        msgspec.structs.replace(each, image=images.get(each.name, each.image))
        for each in definition.container_definitions
    ]
    made = await client.register_task_definition(**kept, tags=tags or None)
    assert made.task_definition is not None
    click.echo(f"Registered {table.text(made.task_definition.task_definition_arn)}.", err=True)
    return str(made.task_definition.task_definition_arn)
