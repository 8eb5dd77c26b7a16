"""What clients are pointed at: an `up` whose tasks are processes, through what `quarterdeck env` prints."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.clients.installed import Installed
from tests.engine.up_process import UpProcess, command, environment

OPTIONS = ("--runtime", "process", "--auth", "keys", "--no-throttle", "--stop-tasks")


@pytest.fixture(scope="package")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start an `up` for all clients; the environment that `eval "$(quarterdeck env)"` leaves behind."""
    up = UpProcess(tmp_path_factory.mktemp("clients") / "data", *OPTIONS)
    try:
        up.start()
        yield environment() | exported(command("env", "--data", str(up.data)).stdout)
    finally:
        up.close()


def exported(script: str) -> dict[str, str]:
    """Take the variables out of a script of exports."""
    return dict(word.split("=", 1) for word in shlex.split(script) if word != "export")


@pytest.fixture
def ecs(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make boto3's client, told nothing but the environment."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("ecs")
    yield client
    client.close()


@pytest.fixture
def installed(environ: dict[str, str]) -> Installed:
    """Run installed programs in that environment."""
    return Installed(environ)
