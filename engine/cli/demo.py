"""Demo: a guided tour that ends by itself."""

import sys
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import target
from quarterdeck.engine.cli.up import LEVELS, RUNTIMES

if TYPE_CHECKING:
    from quarterdeck.engine.settings import Settings


@click.command
@click.option("--runtime", type=RUNTIMES, help="What runs containers (default auto: Docker if it answers).")
@click.option("--log-level", type=LEVELS, default="error", help="How much is logged to stderr (default error).")
def command(**options: Any) -> None:  # noqa: ANN401 - click's
    """Take a guided tour: a throw-away `up` loses a container, an agent and an instance, and is rebuilt from its log.

    Takes under a minute and leaves nothing behind. Ends with 1 if any step does not hold.
    """
    settings = target.settings(**options)
    if settings.runtime == "simulated":
        raise click.UsageError("The tour needs real containers or processes: --runtime docker, process or auto.")
    _run(settings)


def _run(settings: "Settings") -> None:
    import asyncio
    import time

    from quarterdeck.engine import demo, logs, ports, running
    from quarterdeck.engine.caller import Unreachable
    from quarterdeck.engine.core.errors import Refusal
    from quarterdeck.events.log.errors import LogError

    began = time.monotonic()

    def say(line: str) -> None:
        click.echo(f"{time.monotonic() - began:5.1f}  {line}")
        sys.stdout.flush()

    logs.configure(settings.log_level, settings.log_format)
    try:
        asyncio.run(demo.run(settings, say))
    except (demo.DoesNotHold, Refusal, Unreachable, running.DataUnusable, ports.PortInUse, LogError) as error:
        click.echo(f"This does not hold: {error}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(target.INTERRUPTED)
