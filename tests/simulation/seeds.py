"""Seeds: one world for each number, from its making to its rest; small ones by the hundred."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from quarterdeck.events import shapes
from tests.simulation.chance import Weather
from tests.simulation.deeds import DEEDS
from tests.simulation.loop import run
from tests.simulation.rule import Violation
from tests.simulation.service_deeds import create_daemon, create_service
from tests.simulation.world import Result, World, living

DEEDS_MAX = 30
SECONDS_BETWEEN_MAX = 8.0
IMAGES = ("steady", "steady", "steady", "slow", "stubborn", "crashes", "broken", "unpulled", "sickens")
DAEMON_IMAGES = ("steady", "steady", "crashes", "sickens", "broken")
DAEMON_SHARE = 0.5

Tell = Callable[[str], None]


def play(seed: int, tell: Tell | None = None) -> Result:
    """Let a world be, and say what became of it."""
    return run(_play(seed, tell))


async def _play(seed: int, tell: Tell | None) -> Result:
    world = World(seed)
    if tell is not None:
        world.trace(tell)
    try:
        async with living(world):
            story = world.group.create_task(_story(world, tell), name="story")
            breach = world.group.create_task(world.broken.wait(), name="breach")
            await asyncio.wait([story, breach], return_when=asyncio.FIRST_COMPLETED)
    except* Exception as errors:  # noqa: BLE001 - whatever it is, it ends the world and is told
        world.watcher.breach(Violation("no bugs", repr(errors.exceptions[0])))
    world.look()
    if not world.broken.is_set():
        try:
            world.watcher.explain(world.shard.store.records)
        except Exception as error:  # noqa: BLE001 - as above
            world.watcher.breach(Violation("explain", repr(error)))
    return world.result()


async def _story(world: World, tell: Tell | None) -> None:
    chance = world.chance
    await furnish(world)
    world.group.create_task(world.keep_looking(), name="look")
    world.group.create_task(world.keep_waits_short(), name="waits")
    deeds, weights = list(DEEDS), list(DEEDS.values())
    for deed in chance.choices(deeds, weights, k=chance.randrange(5, DEEDS_MAX)):
        await asyncio.sleep(chance.uniform(0.0, SECONDS_BETWEEN_MAX))
        if tell is not None:
            tell(f"{world.loop.time():10.3f}  -- {deed.__name__}")
        world.group.create_task(deed(world), name=deed.__name__)
    await asyncio.sleep(SECONDS_BETWEEN_MAX)
    await world.mend()
    await world.settle()


async def furnish(world: World) -> None:
    """Make what a small world has from the start."""
    chance = world.chance
    world.weather = Weather()
    await world.ask("CreateCluster", shapes.CreateClusterRequest(cluster_name="default"))
    for _ in range(4):
        port = chance.choice((None, None, None, ("tcp", 80), ("udp", 80), ("tcp", 2375)))
        await world.define("app", chance.choice(IMAGES), chance.choice((64, 256, 513)), chance.choice((64, 300)), port)
    for _ in range(3):
        await world.define("daemon", chance.choice(DAEMON_IMAGES), 64, 32, chance.choice((None, None, ("tcp", 9100))))
    await world.define_picky()
    # twice 513 is one more than 1025: an error by one shows
    cpu, memory = chance.choice(((1025, 1024), (2048, 700)))
    for number in range(chance.randrange(2, 7)):
        world.add_machine("abc"[number % 3], cpu, memory)
    if chance.happens(DAEMON_SHARE):
        await create_daemon(world)
    for _ in range(2):
        await create_service(world)
