"""Images from a real registry, through a real Docker Engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from quarterdeck.agents.registry_auth import credentials_for
from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.errors import CannotPullContainerError, ImageMissing
from quarterdeck.agents.runtimes.image import Credentials, Progress
from tests import docker_engine, image_registry
from tests.agents.runtimes.cases import DockerCase
from tests.agents.runtimes.conftest import swept

pytestmark = [pytest.mark.docker, pytest.mark.registry]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with image_registry.running(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def image(registry: str, busybox_image: str) -> Iterator[str]:
    name = f"{registry}/private/busybox:1"
    image_registry.push(busybox_image, name)
    yield name
    docker_engine.request("DELETE", f"/images/{name}")


@pytest_asyncio.fixture
async def case(tmp_path: Path, image: str) -> AsyncIterator[DockerCase]:
    made = DockerCase(tmp_path, image)
    yield made
    await swept(made)


async def test_an_image_of_a_private_registry_comes_with_credentials_and_leaves_its_digest(
    case: DockerCase, runtime: DockerRuntime, registry: str, image: str, tmp_path: Path
) -> None:
    with pytest.raises(ImageMissing):
        await runtime.create(case.spec("early", case.forever))
    for wrong in (None, Credentials("moon", "stone")):
        with pytest.raises(CannotPullContainerError, match=r"no basic auth credentials|unauthorized") as failed:
            await runtime.images.pull(image, wrong)
        assert failed.value.final
    told: list[Progress] = []
    credentials = await credentials_for(image, str(image_registry.auth_file(tmp_path, registry)))
    await runtime.images.pull(image, credentials, told.append)
    found = await runtime.images.find(image)
    assert found is not None
    assert found.digest.startswith("sha256:")
    assert found.digest != found.id
    container = await runtime.inspect(await runtime.create(case.spec("private", case.forever)))
    assert container.image_digest == found.digest
    assert [each for each in told if each.done_bytes > each.total_bytes] == []
    assert not await runtime.images.remove(image), "a container has it"
    await runtime.remove(container.id)
    assert await runtime.images.remove(image)
    assert await runtime.images.find(image) is None
    assert await runtime.images.remove(image), "it is gone"


async def test_a_tag_nobody_pushed_is_told_in_docker_words(runtime: DockerRuntime, registry: str) -> None:
    credentials = Credentials(image_registry.USER, image_registry.PASSWORD)
    with pytest.raises(
        CannotPullContainerError, match=r"Error response from daemon: manifest for .* not found"
    ) as failed:
        await runtime.images.pull(f"{registry}/private/busybox:2", credentials)
    assert failed.value.final
