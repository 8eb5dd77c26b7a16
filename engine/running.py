"""Running: what a running `up` tells about itself, in a file of its data directory and where else it was asked to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from quarterdeck.events.log.errors import DataDirectoryInUse
from quarterdeck.events.log.lock import Lock

FILE = "up.json"
SERVER = "nats"
ENGINE_CREDS = Path(SERVER) / "creds" / "engine.creds"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything is; ``nats_creds`` is an operator's credentials file."""

    http: str
    nats: str
    nats_creds: str | None
    data: str
    pid: int

    @property
    def engine_creds(self) -> Path:
        """The engine's own credentials, which may read the log; only the owner of the directory can read them."""
        return Path(self.data) / ENGINE_CREDS

    def line(self) -> str:
        """Say it in one line, for people and scripts."""
        return f"ready http={self.http} nats={self.nats} data={self.data} pid={self.pid}"


class DataUnusable(Exception):
    """The data directory is another's, or can't be written; says what to do."""


class NotRunning(Exception):
    """No `up` runs on a data directory; says how to start one, or to name another."""


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Have a data directory alone for the length of a block. Raises DataUnusable."""
    try:
        lock = Lock(data)
    except DataDirectoryInUse as error:
        raise DataUnusable(f"{error}: another `quarterdeck up`. Stop it, or choose another with --data.") from error
    except OSError as error:
        raise DataUnusable(f"The data directory {data} can't be used: {error}. Choose another with --data.") from error
    try:
        yield
    finally:
        lock.release()


def write(running: Running, path: Path) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{running.pid}")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(running)) + b"\n")
    new.replace(path)


def find(data: Path) -> Running:
    """Find the `up` that runs on a data directory. Raises NotRunning."""
    try:
        found = msgspec.json.decode((data / FILE).read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError) as error:
        raise NotRunning(_way_out(data)) from error
    if not _alive(found.pid):
        raise NotRunning(_way_out(data))
    return found


def _way_out(data: Path) -> str:
    return f"No `quarterdeck up` runs on {data}. Start one, or name another with --data DIRECTORY or --nats URL."


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
