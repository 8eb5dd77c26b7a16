"""Agent: one container instance's agent, on the host that runs its tasks."""

import sys
from typing import Any

import click

from quarterdeck.engine.cli import target
from quarterdeck.engine.cli.up import FORMATS, LEVELS, PULLS, RUNTIMES


@click.command
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
@click.option("--image-pull-behavior", type=PULLS, help="As ECS_IMAGE_PULL_BEHAVIOR (default: default).")
@click.option("--registry-auth", metavar="FILE", help="Credentials of private registries: a Docker config.json.")
@click.option("--image-unused", type=float, metavar="SECONDS", help="Remove pulled images unused so long (3600).")
@click.option("--images-kept", type=int, help="Unused images to keep all the same (default 0).")
@click.option("--reserved-memory", type=int, metavar="MIB", help="Memory kept from tasks (default 0).")
@click.option(
    "--reserved-port", "reserved_ports", type=int, multiple=True, help="TCP port kept from tasks; repeatable."
)
@click.option("--introspection-port", type=int, help="Tell the host of the agent there, as ECS's does on 51678.")
@click.option(
    "--env-files", metavar="FOLDER", help="Where environmentFiles are: arn:aws:s3:::BUCKET/KEY is BUCKET/KEY."
)
@click.option("--stats-interval", type=float, metavar="SECONDS", help="How often to look at what containers use (20).")
@click.option("--keep-stopped", type=float, metavar="SECONDS", help="Keep a STOPPED task's containers (default 10).")
@click.option("--stop-timeout", type=float, metavar="SECONDS", help="From SIGTERM to SIGKILL (default 30).")
@click.option("--log-level", type=LEVELS, help="How much is logged to stderr (default info).")
@click.option("--log-format", type=FORMATS, help="Lines for people or JSON (default: by what stderr is).")
def command(attributes: tuple[str, ...], reserved_ports: tuple[int, ...], **options: Any) -> None:  # noqa: ANN401 - click's
    """Run one container instance's agent on this host.

    --data keeps who it is, and needs to be its own. SIGTERM ends it and leaves containers running; the next agent
    on the same directory takes them over. Ends with 5 when it can't be what it is told to be: starting it again
    does not help.
    """
    import asyncio

    from quarterdeck.engine.settings import SettingsError, pairs

    try:
        named = pairs(attributes) or None
    except SettingsError as error:
        raise click.UsageError(f"--attribute: {error}") from error
    settings = target.settings(attributes=named, reserved_ports=reserved_ports or None, **options)
    if not settings.nats:
        raise click.UsageError("Say where the engine's NATS server is: --nats nats://HOST:PORT.")
    from quarterdeck.engine import host, logs

    logs.configure(settings.log_level, settings.log_format)
    sys.exit(asyncio.run(host.run_agent(settings)))
