"""The case a test of the contract runs on, swept and searched for leftovers at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from quarterdeck.agents.runtimes.port import Runtime
from tests.agents.runtimes.cases import DockerCase, ProcessCase, RuntimeCase, SimulatedCase


@pytest_asyncio.fixture(params=["simulated", "process", pytest.param("docker", marks=pytest.mark.docker)])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RuntimeCase]:
    made: RuntimeCase
    match request.param:
        case "docker":
            made = DockerCase(tmp_path, request.getfixturevalue("busybox_image"))
        case "process":
            made = ProcessCase(tmp_path)
        case _:
            made = SimulatedCase()
    yield made
    await swept(made)


@pytest_asyncio.fixture
async def runtime(case: RuntimeCase) -> AsyncIterator[Runtime]:
    opened = case.open()
    yield opened
    await opened.close()


async def swept(case: RuntimeCase) -> None:
    """Remove every container of the case, then insist that nothing is left."""
    sweeper = case.open()
    for container in await sweeper.list(case.labels):
        await sweeper.remove(container.id)
    await sweeper.close()
    await case.close()
    assert await case.leftovers() == []
