"""Servers that tests of a module share: one that wants signatures, one that is open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.api.served import Served, served


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with access keys; calls are not counted."""
    with served(tmp_path_factory.mktemp("keys"), throttle=False) as server:
        yield server


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that takes whoever comes."""
    with served(tmp_path_factory.mktemp("open"), auth="open") as server:
        yield server
