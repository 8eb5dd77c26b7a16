"""Target: which engine a command talks to, and how what goes wrong on the way becomes an exit code."""

import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient
    from quarterdeck.engine.settings import Settings

Function = TypeVar("Function", bound=Callable[..., Any])

REFUSED = 1
UNREACHABLE = 3
INTERRUPTED = 130

_PATH = click.Path(path_type=Path)
DATA = click.option(
    "--data", type=_PATH, help="Data directory of the `up` meant (default: the user's state directory)."
)
CONFIG = click.option("--config", type=_PATH, help="Settings as TOML (default: ~/.config/quarterdeck/config.toml).")
_OPTIONS = (
    DATA,
    CONFIG,
    click.option("--nats", metavar="URL", help="Talk to this NATS server instead."),
    click.option("--creds", type=_PATH, help="NATS credentials file for --nats."),
    click.option("--region", help="Region (default: us-east-1, or AWS_REGION)."),
    click.option("--account", help="Account, 12 digits (default: 000000000000)."),
)


class Place(click.ClickException):
    """Nothing answers where a command looked."""

    exit_code = UNREACHABLE


def options(function: Function) -> Function:
    """Give a command the options that say which engine is meant."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def settings(config: Path | None = None, **given: object) -> "Settings":
    """Read the settings, given a command's options; mistakes are wrong usage."""
    from quarterdeck.engine.settings import SettingsError, read

    try:
        return read(os.environ, given, config)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def _locate(found: "Settings", *, engine: bool = False) -> tuple[str, Path | None]:
    """Say where NATS is and with which credentials: those given, or those of the `up` on the data directory."""
    from quarterdeck.engine import running

    if found.nats:
        return found.nats, found.creds
    try:
        up = running.find(found.data)
    except running.NotRunning as error:
        raise Place(str(error)) from error
    if engine:
        return up.nats, up.engine_creds
    return up.nats, found.creds or (Path(up.nats_creds) if up.nats_creds else None)


async def connect(found: "Settings", *, engine: bool = False) -> "RemoteClient":
    """Connect to the engine that is meant; `engine` with its own credentials, which may read the log.

    Raises Place, Unreachable.
    """
    url, creds = _locate(found, engine=engine)
    if not url.startswith("ws"):
        with _without("aiohttp"):
            import nats.aio.transport  # noqa: F401 - nats-py takes aiohttp, for web sockets, if it can be had: 0.4 s
    from quarterdeck.engine import remote

    return await remote.connect(url, creds=creds, region=found.region, account=found.account)


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Make a module that is not imported yet as if it were not installed."""
    absent = module not in sys.modules
    if absent:
        sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules[module]


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a command's work; refusals end with 1, silence with 3, both with the reason on stderr."""
    import asyncio

    from quarterdeck.engine.caller import Unreachable
    from quarterdeck.engine.core.errors import Refusal
    from quarterdeck.events.codec import Corrupt
    from quarterdeck.events.log.errors import LogError

    try:
        asyncio.run(work)
    except Refusal as error:
        _end(f"{error.code}: {error.message}", REFUSED)
    except (Unreachable, LogError) as error:
        _end(str(error), UNREACHABLE)
    except Corrupt as error:
        _end(f"The log is damaged: {error}.", REFUSED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)
