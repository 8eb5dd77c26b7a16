"""Fixtures of the commands by noun."""

from collections.abc import Iterator

import pytest

from tests.engine.up_process import UpProcess


@pytest.fixture(scope="package")
def shared_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    """One `up` for several modules, which have to keep to names of their own."""
    shared = UpProcess(tmp_path_factory.mktemp("shared") / "data", "--runtime", "simulated", "--stats-interval", "0.5")
    try:
        shared.start()
        yield shared
    finally:
        shared.close()


@pytest.fixture(scope="package")
def process_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    """One `up` whose tasks are host processes, which end with it; likewise."""
    shared = UpProcess(tmp_path_factory.mktemp("process") / "data", "--runtime", "process", "--stop-tasks")
    try:
        shared.start()
        yield shared
    finally:
        shared.close()
