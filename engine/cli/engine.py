"""Engine: one engine against a NATS server that is not ours."""

import sys
from pathlib import Path
from typing import Any

import click

from quarterdeck.engine.cli import target
from quarterdeck.engine.cli.up import FORMATS, LEVELS


@click.command
@target.options
@click.option("--listen", metavar="HOST:PORT", help="Serve the ECS API over HTTP there (default: not at all).")
@click.option("--models", type=click.Path(path_type=Path), help="File for the read models (default: in memory).")
@click.option("--monitor", "monitors", multiple=True, metavar="URL", help="Monitoring URL of each NATS server.")
@click.option("--replicas", type=int, help="Replicas of the streams on the NATS cluster (default 1).")
@click.option("--not-durable", is_flag=True, help="Put up with servers that acknowledge before they sync.")
@click.option("--node", help="This engine's name (default: host name).")
@click.option("--lost-after", type=float, help="Seconds after which a silent instance's tasks move (0: never).")
@click.option("--healthy-after", type=float, help="Seconds a new task runs before an old one goes for it (default 40).")
@click.option(
    "--secrets-key", type=click.Path(path_type=Path), help="File with the key of the secrets, the same for all."
)
@click.option("--log-level", type=LEVELS, help="How much is logged to stderr (default info).")
@click.option("--log-format", type=FORMATS, help="Lines for people or JSON (default: by what stderr is).")
def command(models: Path | None, monitors: tuple[str, ...], *, not_durable: bool, **options: Any) -> None:  # noqa: ANN401
    """Run an engine against a NATS server or cluster.

    Any number may run: one keeps the log, the others stand by. SIGTERM hands over and ends it.
    """
    settings = target.settings(monitors=list(monitors) or None, durable=False if not_durable else None, **options)
    if not settings.nats:
        raise click.UsageError("Say where the NATS server is: --nats nats://HOST:PORT.")
    import asyncio

    from quarterdeck.engine import logs, ports
    from quarterdeck.engine.core.service_health import HEALTHY_SECONDS
    from quarterdeck.engine.failures import leaves
    from quarterdeck.engine.replica import replica_settings
    from quarterdeck.engine.server import EngineSettings, run_engine
    from quarterdeck.events.log.errors import LogError

    logs.configure(settings.log_level, settings.log_format)
    replica = replica_settings(settings, models=models, endpoint=settings.endpoint, healthy_after=HEALTHY_SECONDS)
    engine = EngineSettings(
        url=settings.nats,
        creds=settings.creds,
        replicas=settings.replicas,
        durable=settings.durable,
        monitors=settings.monitors,
        replica=replica,
    )
    try:
        asyncio.run(run_engine(engine, api=settings.api if options.get("listen") else None))
    except* (LogError, ports.PortInUse) as errors:
        found = leaves(errors)
        for error in found:
            click.echo(f"Error: {error}", err=True)
        sys.exit(target.UNREACHABLE if any(isinstance(each, LogError) for each in found) else target.REFUSED)
