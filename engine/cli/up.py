"""Up: everything on this machine, with one command."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import target

if TYPE_CHECKING:
    from quarterdeck.engine.running import Running
    from quarterdeck.engine.settings import Settings

AUTH = click.Choice(["keys", "open"])
RUNTIMES = click.Choice(["auto", "docker", "process", "simulated"])
LEVELS = click.Choice(["debug", "info", "warning", "error"])
PULLS = click.Choice(["default", "always", "once", "prefer-cached"])
FORMATS = click.Choice(["auto", "console", "json"])


@click.command
@target.DATA
@target.CONFIG
@click.option("--listen", metavar="HOST:PORT", help="Where HTTP is served (default 127.0.0.1:4280; port 0: any).")
@click.option("--nats-port", type=int, help="Port of the embedded NATS server (default 4222; 0: any).")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write where everything is, in JSON, when ready.")
@click.option("--instances", type=int, help="Container instances on this machine (default 4).")
@click.option("--zones", type=int, help="Availability zones they are in (default 2).")
@click.option("--runtime", type=RUNTIMES, help="What runs containers (default auto: Docker if it answers).")
@click.option("--docker-socket", help="Where the Docker Engine listens (default /var/run/docker.sock).")
@click.option("--publish", metavar="ADDRESS", help="Where containers publish ports (default 127.0.0.1).")
@click.option("--image-pull-behavior", type=PULLS, help="When the registry is asked (default prefer-cached).")
@click.option("--registry-auth", metavar="FILE", help="Credentials of private registries: a Docker config.json.")
@click.option(
    "--env-files", metavar="FOLDER", help="Where environmentFiles are: arn:aws:s3:::BUCKET/KEY is BUCKET/KEY."
)
@click.option("--stats-interval", type=float, metavar="SECONDS", help="How often agents look at what is used (20).")
@click.option("--lost-after", type=float, help="Seconds after which a silent instance's tasks move (0: never).")
@click.option("--healthy-after", type=float, help="Seconds a new task runs before an old one goes for it (default 0).")
@click.option("--no-agents", is_flag=True, help="No container instances here.")
@click.option("--stop-tasks", is_flag=True, default=None, help="At the end remove the containers, too.")
@click.option("--region", help="Region (default: us-east-1, or AWS_REGION).")
@click.option("--account", help="Account, 12 digits (default: 000000000000).")
@click.option("--auth", type=AUTH, help="Who may use the ECS API: holders of keys (default), or everybody here (open).")
@click.option(
    "--open-anywhere", is_flag=True, default=None, help="With --auth open: even where other machines reach it."
)
@click.option("--throttle/--no-throttle", default=None, help="Count calls as ECS does (default: with --auth keys).")
@click.option("--keep-logs-days", type=float, help="How long logs of removed containers are kept (default 7).")
@click.option("--keep-logs-mib", type=int, help="How much of them all together, on an instance (default 512).")
@click.option("--store-logs-mib", type=int, help="Store logs on NATS too, so much of all together (default 0: no).")
@click.option("--store-logs-days", type=float, help="How long they are stored there (default 7).")
@click.option("--log-level", type=LEVELS, help="How much is logged to stderr (default info).")
@click.option("--log-format", type=FORMATS, help="Lines for people or JSON (default: by what stderr is).")
def command(ready_file: Path | None, *, no_agents: bool, **options: Any) -> None:  # noqa: ANN401 - click's
    """Run everything here: NATS, an engine, and container instances that share this machine.

    Prints one line `ready …` on stdout when it is. Ctrl-C stops it; containers go on, and the next `up` finds them.
    """
    settings = target.settings(agents=False if no_agents else None, **options)
    _run(settings, ready_file)


def _run(settings: "Settings", ready_file: Path | None) -> None:
    import asyncio

    from quarterdeck.engine import logs, ports, running, up
    from quarterdeck.engine.failures import leaves
    from quarterdeck.events.codec import Corrupt
    from quarterdeck.events.log.errors import LogError

    def announce(told: "Running") -> None:
        if ready_file is not None:
            running.write(told, ready_file)
        click.echo(told.line())
        sys.stdout.flush()

    logs.configure(settings.log_level, settings.log_format)
    try:
        asyncio.run(up.run(settings, announce))
    except* (running.DataUnusable, ports.PortInUse, LogError, Corrupt) as errors:
        for error in leaves(errors):
            click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
