"""Images: when registries are asked, how often, and what is removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from quarterdeck.agents.image_records import ImageRecords, Record, removable
from quarterdeck.agents.images import Images
from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.runtimes.simulated.behaviour import Image
from quarterdeck.agents.runtimes.simulated.images import SimulatedImages
from quarterdeck.agents.settings import ImageSettings, PullBehavior
from tests.agents.world import World, container, definition, task_id

ONE, TWO = task_id(1), task_id(2)
AWAY = "Error response from daemon: net/http: TLS handshake timeout"


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.close()


def offline(image: str) -> Image:
    """All is here, but no registry answers."""
    return Image(present=not image.startswith("absent"), pull_error=AWAY, pull_final=False)


@pytest.mark.parametrize(("behavior", "pulls"), [("default", 2), ("always", 2), ("once", 1), ("prefer-cached", 0)])
async def test_the_pull_behavior_says_when_the_registry_is_asked(
    world: World, behavior: PullBehavior, pulls: int
) -> None:
    world.start(images=ImageSettings(pull_behavior=behavior))
    world.engine.place(ONE, definition=definition())
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    world.engine.place(TWO, definition=definition())
    await world.until(lambda: world.engine.told(TWO) == ["RUNNING"])
    assert len(world.host.pulls) == pulls


async def test_without_a_registry_default_makes_do_with_what_is_here_at_once(world: World) -> None:
    world.host.image_of = offline
    world.start(images=ImageSettings(pull_behavior="default"))
    world.engine.place(ONE, definition=definition())
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    assert len(world.host.pulls) == 1


async def test_always_fails_with_ecs_reason_after_its_attempts(world: World) -> None:
    world.host.image_of = offline
    world.start(images=ImageSettings(pull_behavior="always"))
    world.engine.place(ONE, definition=definition())
    await world.until(lambda: world.engine.told(ONE)[-1:] == ["STOPPED"])
    assert world.engine.last(ONE).reason == f"CannotPullContainerError: {AWAY}"
    assert len(world.host.pulls) == 5


async def test_what_a_registry_would_say_again_is_not_asked_again(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "missing:1")))
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    assert world.host.pulls == ["missing:1"]


async def test_tasks_share_a_pull_and_its_progress_is_told_ever_less_often(world: World) -> None:
    world.host.image_of = lambda image: Image(pull_seconds=100, present=False)
    world.start()
    world.engine.place(ONE, TWO, definition=definition())
    await world.until(lambda: world.engine.told(TWO)[-1:] == ["RUNNING"])
    assert world.host.pulls == ["forever"]
    told = ["Pulling image forever: 0.0 of 1.0 MB"] * 5
    assert world.engine.details(ONE) == told, "after 2, 6, 14, 30 and 62 s"


async def test_a_task_that_failed_while_its_pull_was_told_of_ends_like_any_other(world: World) -> None:
    world.host.image_of = lambda image: Image(pull_seconds=10, present=False, pull_error="no")
    world.start()
    await world.go(1)
    world.engine.place(ONE, definition=definition(container("app"), container("side", "side")))
    world.engine.down = True
    await world.go(30)
    world.engine.down = False
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    assert world.agent is not None
    tasks = world.agent.tasks
    assert tasks is not None
    await world.until(lambda: not tasks.by_id)


async def test_unused_images_are_removed_and_used_ones_stay(world: World) -> None:
    world.host.image_of = lambda image: Image(present=False)
    world.start(images=ImageSettings(pull_behavior="once"))
    both = definition(container("app", "forever"), container("other", "other"))
    world.engine.place(ONE, definition=both)
    world.engine.place(TWO, definition=definition(container("app", "forever")))
    await world.until(lambda: world.engine.told(ONE) == world.engine.told(TWO) == ["RUNNING"])
    world.engine.stop(ONE)
    await world.go(1800)
    assert world.host.images == {"forever", "other"}, "not unused for long enough"
    await world.go(3600)
    assert world.host.images == {"forever"}


async def test_an_image_a_container_of_somebody_else_has_stays(world: World) -> None:
    store = SimulatedImages(world.host)
    records = ImageRecords(None)
    settings = ImageSettings(pull_behavior="once", unused_seconds_min=0)
    images = Images(store, world.clock, settings, records)
    records.pulled("theirs", 0.0)
    world.host.create(ContainerSpec("somebody's", "theirs"))
    await images.clean_once(list)
    assert "theirs" in records.by_image


async def test_an_image_a_task_has_come_for_since_the_clean_up_began_stays(world: World) -> None:
    wanted: list[str] = []

    class Slow(SimulatedImages):
        """While it removes the first image, a task comes for the second."""

        async def remove(self, image: str) -> bool:
            wanted.append("second")
            return await super().remove(image)

    records = ImageRecords(None)
    settings = ImageSettings(pull_behavior="once", unused_seconds_min=0)
    records.by_image = {"first": Record(0.0, 1.0), "second": Record(0.0, 2.0)}
    await Images(Slow(world.host), world.clock, settings, records).clean_once(lambda: wanted)
    assert world.host.removed == {"first"}
    assert list(records.by_image) == ["second"]


def test_the_least_recently_used_go_first_and_some_are_kept() -> None:
    records = ImageRecords(None)
    records.by_image = {name: Record(0.0, float(used)) for name, used in (("a", 30), ("b", 10), ("c", 20), ("d", 40))}
    settings = ImageSettings(unused_seconds_min=50, kept_min=1, removed_max=2)
    assert removable(records, [], 100, settings) == ["b", "c"]
    assert removable(records, ["b"], 100, settings) == ["c", "a"]
    assert removable(records, [], 75, settings) == ["b", "c"]
    assert removable(records, [], 65, settings) == ["b"]


def test_records_survive_a_restart(tmp_path: Path) -> None:
    ImageRecords(tmp_path).pulled("busybox:1", 7.0)
    assert ImageRecords(tmp_path).by_image == {"busybox:1": Record(7.0, 7.0)}
    (tmp_path / "images.json").write_text("nonsense")
    assert ImageRecords(tmp_path).by_image == {}
