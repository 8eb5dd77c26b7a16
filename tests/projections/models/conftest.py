"""Fixtures: read models in memory, closed after the test."""

from collections.abc import AsyncIterator

import pytest

from quarterdeck.projections.models.store import ReadModels
from tests.projections.models.examples import Recorder


@pytest.fixture
async def models() -> AsyncIterator[ReadModels]:
    opened = await ReadModels.open(":memory:")
    yield opened
    await opened.close()


@pytest.fixture
async def empty(models: ReadModels) -> Recorder:
    return Recorder(models)


@pytest.fixture
async def prod(empty: Recorder) -> Recorder:
    """A cluster with one connected instance, and a task definition."""
    return await empty.prod()
