"""NATS for tests: a server with JetStream, from the development packages."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

START_SECONDS_MAX = 20
CONFIG = """
listen: "127.0.0.1:-1"
ports_file_dir: "{folder}"
jetstream {{ store_dir: "{folder}/store", sync_interval: always }}
"""


def binary() -> str | None:
    """The server's program: beside this Python, or on the path."""
    return shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")


def missing() -> str | None:
    """Why nats tests cannot run here, None if they can."""
    return None if binary() else "no nats-server (make setup brings it)"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server on a free port for as long as the block runs; its URL."""
    program = binary()
    assert program is not None
    config = folder / "server.conf"
    config.write_text(CONFIG.format(folder=folder))
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen([program, "-c", config], stdout=log, stderr=log)
        try:
            yield url(folder, server)
        finally:
            server.terminate()
            server.wait()


def url(folder: Path, server: subprocess.Popen[bytes]) -> str:
    """Wait, bounded, for the file in which a server that is ready says its ports."""
    ports = folder / f"nats-server_{server.pid}.ports"
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return str(json.loads(ports.read_text())["nats"][0])
        time.sleep(0.02)
    raise AssertionError((folder / "server.log").read_text())
