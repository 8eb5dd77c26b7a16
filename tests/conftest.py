"""What marked tests need: it is started here; what cannot be had is said in the last lines of the report.

A test that cannot run here is deselected, not skipped: a report without that paragraph at its end is a whole one.
QD_REQUIRE=docker (or nats, dockerd, registry, browser, node, systemd; several with commas) makes such a lack a failure.
`make test` runs several processes (pytest-xdist): each tells the one that reports what it lacks.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests import browser, docker_engine, image_registry, nats_server, node, own_docker

# Nothing is timed: a machine that stands still for a second would be taken for data that is slow to make.
# In CI the same examples each time: what chance finds elsewhere becomes a test of its own.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", untimed, derandomize=True)
settings.register_profile("default", untimed)
settings.load_profile("ci" if os.environ.get("CI") else "default")

NEEDS: dict[str, Callable[[], str | None]] = {
    "nats": nats_server.missing,
    "docker": docker_engine.missing,
    "dockerd": own_docker.missing,
    "registry": image_registry.missing,
    "browser": browser.missing,
    "node": node.missing,
    "systemd": lambda: None if shutil.which("systemd-analyze") else "no systemd-analyze (Debian: apt install systemd)",
}
LACKS = pytest.StashKey[dict[str, tuple[str, int]]]()


class Worker(Protocol):
    """A process of pytest-xdist, as the one that reports sees it."""

    config: pytest.Config
    workeroutput: dict[str, dict[str, tuple[str, int]]]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Whoever sets up logging, as an embedded engine and structlog's test helpers do, does it for all after it."""
    before = structlog.is_configured()
    yield
    if not before:
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A NATS server with JetStream for the whole session: tests keep apart by the names of their streams."""
    with nats_server.running(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture(scope="session")
def busybox_image() -> str:
    """An image with a shell and the usual small programs, made here, without any registry."""
    return docker_engine.build_image()


@pytest.hookimpl(trylast=True)  # after -m and -k, so that only what was asked for counts as lacking
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lacks = config.stash.setdefault(LACKS, {})
    for marker, missing in NEEDS.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and (reason := missing()):
            lacks[marker] = (reason, len(marked))
            config.hook.pytest_deselected(items=marked)
            items[:] = [item for item in items if item not in marked]


def required(config: pytest.Config) -> list[str]:
    """What QD_REQUIRE asks for and is lacking."""
    return [marker for marker in os.environ.get("QD_REQUIRE", "").split(",") if marker in config.stash.get(LACKS, {})]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Worker) -> None:
    node.config.stash.setdefault(LACKS, {}).update(getattr(node, "workeroutput", {}).get("lacks", {}))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["lacks"] = session.config.stash.get(LACKS, {})
        return
    if required(session.config) and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lacks = config.stash.get(LACKS, {})
    if not lacks:
        return
    terminalreporter.section("could not run here", yellow=True)
    for marker, (reason, count) in lacks.items():
        failure = f" QD_REQUIRE={marker} makes this a failure." if marker in required(config) else ""
        terminalreporter.line(f"{count} {marker} test{'s' if count > 1 else ''}: {reason}.{failure}")
