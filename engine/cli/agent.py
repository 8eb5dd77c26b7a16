"""Agent: one container instance's agent, on the host that runs its tasks."""

import sys
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, nouns, people, target
from quarterdeck.engine.cli.task import TASK
from quarterdeck.engine.cli.up import FORMATS, LEVELS, PULLS, RUNTIMES

if TYPE_CHECKING:
    from pathlib import Path

    from quarterdeck.agents.identity import Identity
    from quarterdeck.engine.remote import RemoteClient

LOOK_SECONDS = 1.0


@click.group(invoke_without_command=True)
@click.pass_context
@target.options
@click.option("--cluster", help="Cluster to join (default: `default`, made if it is missing).")
@click.option("--zone", help="Availability zone (default: the region's a).")
@click.option("--instance-type", help="Instance type (default quarterdeck.local).")
@click.option("--cpu", type=int, help="CPU units to offer, 1024 a core (default: all).")
@click.option("--memory", type=int, help="MiB to offer (default: all).")
@click.option("--attribute", "attributes", multiple=True, metavar="NAME=VALUE", help="Custom attribute; repeatable.")
@click.option("--node", help="This machine's name: instances of one machine share its ports (default: host name).")
@click.option("--runtime", type=RUNTIMES, help="What runs containers (default auto: Docker if it answers).")
@click.option("--docker-socket", help="Where the Docker Engine listens (default /var/run/docker.sock).")
@click.option("--publish", metavar="ADDRESS", help="Where containers publish ports (default 0.0.0.0).")
@click.option("--keep-logs-days", type=float, help="How long logs of removed containers are kept (default 7).")
@click.option("--keep-logs-mib", type=int, help="How much of them all together, on an instance (default 512).")
@click.option("--store-logs-mib", type=int, help="Store logs on NATS too, so much of all together (default 0: no).")
@click.option("--store-logs-days", type=float, help="How long they are stored there (default 7).")
@click.option("--image-pull-behavior", type=PULLS, help="As ECS_IMAGE_PULL_BEHAVIOR (default: default).")
@click.option("--registry-auth", metavar="FILE", help="Credentials of private registries: a Docker config.json.")
@click.option("--image-unused", type=float, metavar="SECONDS", help="Remove pulled images unused so long (3600).")
@click.option("--images-kept", type=int, help="Unused images to keep all the same (default 0).")
@click.option("--reserved-memory", type=int, metavar="MIB", help="Memory kept from tasks (default 0).")
@click.option(
    "--reserved-port", "reserved_ports", type=int, multiple=True, help="TCP port kept from tasks; repeatable."
)
@click.option("--introspection-port", type=int, help="Tell the host of the agent there, as ECS's does on 51678.")
@click.option("--subnet", "subnets", multiple=True, metavar="NAME=CIDR", help="A subnet of awsvpc tasks; repeatable.")
@click.option(
    "--env-files", metavar="FOLDER", help="Where environmentFiles are: arn:aws:s3:::BUCKET/KEY is BUCKET/KEY."
)
@click.option("--stats-interval", type=float, metavar="SECONDS", help="How often to look at what containers use (20).")
@click.option("--keep-stopped", type=float, metavar="SECONDS", help="Keep a STOPPED task's containers (default 10).")
@click.option("--stop-timeout", type=float, metavar="SECONDS", help="From SIGTERM to SIGKILL (default 30).")
@click.option("--log-level", type=LEVELS, help="How much is logged to stderr (default info).")
@click.option("--log-format", type=FORMATS, help="Lines for people or JSON (default: by what stderr is).")
def command(
    context: click.Context,
    /,
    attributes: tuple[str, ...],
    subnets: tuple[str, ...],
    reserved_ports: tuple[int, ...],
    **options: Any,  # noqa: ANN401 - click's
) -> None:
    """Run one container instance's agent on this host.

    --data keeps who it is, and needs to be its own. SIGTERM ends it and leaves containers running; the next agent
    on the same directory takes them over. Ends with 5 when it can't be what it is told to be: starting it again
    does not help.
    """
    if context.invoked_subcommand is not None:
        return
    import asyncio

    from quarterdeck.engine.settings import SettingsError, pairs

    try:
        named, ranges = pairs(attributes) or None, pairs(subnets) or None
    except SettingsError as error:
        raise click.UsageError(f"--attribute or --subnet: {error}") from error
    settings = target.settings(attributes=named, subnets=ranges, reserved_ports=reserved_ports or None, **options)
    if not settings.nats:
        raise click.UsageError("Say where the engine's NATS server is: --nats nats://HOST:PORT.")
    from quarterdeck.engine import host, logs

    logs.configure(settings.log_level, settings.log_format)
    sys.exit(asyncio.run(host.run_agent(settings)))


@command.command
@target.options
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up waiting after so long (default: never).")
@click.option("--no-wait", is_flag=True, help="Only say it, and do not wait for tasks to end.")
def drain(timeout: float | None, *, no_wait: bool, **options: Any) -> None:  # noqa: ANN401 - click's
    """Take this host's instance out of use, and wait until its tasks have ended: before it is shut down.

    --data is the agent's. Services' tasks are replaced elsewhere; tasks nobody replaces are waited for.
    """
    settings = target.settings(**options)
    identity = _identity(settings.data)

    async def work(client: "RemoteClient") -> None:
        instance = identity.container_instance
        answer = await client.update_container_instances_state(
            cluster=identity.cluster, container_instances=[instance], status="DRAINING"
        )
        for failure in answer.failures or []:
            raise click.ClickException(f"{instance} of cluster {identity.cluster} can't be drained: {failure.reason}.")
        click.echo(f"{instance} of cluster {identity.cluster} is DRAINING")
        if not no_wait and not await people.until(_drained(client, identity), timeout):
            raise click.ClickException(f"Tasks were still running after {timeout:g} s; the instance stays DRAINING.")

    people.run(options, work)


async def _drained(client: "RemoteClient", identity: "Identity") -> None:
    """Wait until no task is left, and say how many are."""
    import asyncio

    told = -1
    while True:
        found = [
            arn
            for status in TASK.states
            for arn in await names.listed(
                client,
                "task",
                identity.cluster,
                container_instance=identity.container_instance,
                desired_status=status,
            )
        ]
        described = await nouns.described(client, TASK, identity.cluster, found)
        left = sum(each.last_status != "STOPPED" for each in described)
        if left != told:
            click.echo(f"{left} task{'' if left == 1 else 's'} left")
            told = left
        if not left:
            return
        await asyncio.sleep(LOOK_SECONDS)


def _identity(data: "Path") -> "Identity":
    import msgspec

    from quarterdeck.agents.identity import FILE, Identity

    try:
        found = msgspec.json.decode((data / FILE).read_bytes(), type=Identity)
    except (OSError, msgspec.MsgspecError) as error:
        raise click.ClickException(f"{data} is no agent's data directory ({error}): --data says which is.") from error
    if not found.container_instance:
        raise click.ClickException(f"The agent of {data} has not registered yet: there is nothing to drain.")
    return found
