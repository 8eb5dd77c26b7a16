"""Fixtures of the log: the worlds its contract runs in."""

import pytest

from tests.events.log.worlds import MemoryWorld, World


@pytest.fixture(params=["memory"])
def world(request: pytest.FixtureRequest) -> World:
    """Give the test a fresh log."""
    assert request.param == "memory"
    return MemoryWorld()
