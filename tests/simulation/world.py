"""World: a whole cluster in virtual time: engines, machines in zones, a user, and what befalls them.

A seed says all of it: sizes, what is asked for when, and every fault. After the last deed the faults end, and every
service must settle within a bound of virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import msgspec

from quarterdeck.engine.core.service_step import start_delay
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.events.log.port import Record
from quarterdeck.projections.live.states import DeploymentState, ServiceState
from tests.simulation.chance import Chance, Weather
from tests.simulation.client import Client
from tests.simulation.ledger import Ledger
from tests.simulation.loop import VirtualClock
from tests.simulation.machine import Machine
from tests.simulation.need import Port
from tests.simulation.quiet import admitted
from tests.simulation.rule import Violation
from tests.simulation.settled import unbalanced, unsettled
from tests.simulation.shard import Engine, Shard
from tests.simulation.waits import LOOK_SECONDS as WAIT_SECONDS
from tests.simulation.waits import waiting
from tests.simulation.watcher import Watcher

SETTLE_SECONDS_MAX = 600.0
"""Virtual time from the end of the faults until everything has settled, beside what the start back-off asks for."""
BACKOFF_SECONDS_MAX = 27 * 60.0
PATIENCE_SECONDS = 100.0
LOOK_SECONDS = 2.0
REST_SECONDS = 35.0
"""Longer than the scheduler takes to look at every service again."""
RESTS_TRIED_MAX = 8
REGION = "us-east-1"


class Result(msgspec.Struct, frozen=True):
    """What became of a world: its log's digest, how much happened, and the breach, if there was one."""

    seed: int
    digest: str
    commits: int
    events: int
    tasks: int
    seconds: float
    settled_after: float
    violation: str = ""


class World:
    """The cluster `default`, as an outsider with a view of everything has it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = Chance(seed)
        self.weather = Weather()
        self.group = asyncio.TaskGroup()
        self.loop = asyncio.get_running_loop()
        self.clock = VirtualClock(self.loop)
        self.broken = asyncio.Event()
        self.watcher = Watcher(self.broken.set)
        self.shard = Shard(self.clock, self.chance, self.watcher.record)
        self.client = Client(self.shard, self.chance)
        self.machines: list[Machine] = []
        self.mended = False
        self.settled_after = 0.0

    @property
    def ledger(self) -> Ledger:
        """What the log says."""
        return self.watcher.ledger

    def trace(self, tell: Callable[[str], None]) -> None:
        """Tell of every commit."""

        def commits(record: Record, found: Iterable[Commit]) -> None:
            if record.kind == "epoch":
                tell(f"{self.loop.time():10.3f}  #{record.sequence} epoch")
            for commit in found:
                tell(f"{self.loop.time():10.3f}  #{record.sequence} {commit.actor} {commit.operation}")
                for event in commit.events:
                    tell(f"{'':12}{event}")

        self.watcher.trace = commits

    def add_machine(self, zone: str, cpu: int, memory: int) -> Machine:
        """Put a machine into a zone, named by its letter, and start its agent."""
        machine = Machine(f"m{len(self.machines):03}", f"{REGION}{zone}", (cpu, memory), self.shard, self.clock)
        machine.chance, machine.weather, machine.healthy = self.chance, self.weather, self.mended
        machine.created = lambda made, task: self.watcher.container(made.name, task)
        self.machines.append(machine)
        machine.start(self.group)
        return machine

    def instance_of(self, machine: Machine) -> str:
        """Find the container instance of a machine, the last if it registered more than once."""
        found = (each.id for each in reversed(self.ledger.places.values()) if each.host == machine.name)
        return next(found, "")

    async def until(self, holds: Callable[[], object], seconds_max: float) -> bool:
        """Let time pass until something holds; whether it came to that in time."""
        end = self.loop.time() + seconds_max
        while not self.broken.is_set() and self.loop.time() < end:
            if holds():
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    async def mend(self) -> None:
        """End all faults: everything that can be there is there, and works."""
        self.mended = True
        self.weather.lost = self.weather.twice = self.weather.slow = 0.0
        for machine in self.machines:
            machine.healthy = True
            machine.cut(cut=False)
            machine.host.daemon_back()
            machine.start(self.group)
        for engine in self.shard.engines:
            engine.log.away_until = 0.0
        self.shard.gate.open = True
        await self._forgive()

    async def _forgive(self) -> None:
        """Update services whose back-off would take long: that sets it back (spec §8.6), and the world ends sooner."""
        cluster = self.watcher.state.clusters.get("default")
        for service in list(cluster.services.values()) if cluster is not None else ():
            if any(start_delay(each.failed) > PATIENCE_SECONDS for each in _holders(service)):
                await self.ask("UpdateService", shapes.UpdateServiceRequest(service=service.name))

    async def settle(self, seconds_max: float = SETTLE_SECONDS_MAX) -> None:
        """Let time pass until every service has what it should have; a breach if that takes too long."""
        began = self.loop.time()
        seconds_max += self._backing_off()
        if not await self.until(lambda: not self.unsettled(), seconds_max) and not self.broken.is_set():
            what = "; ".join(self.unsettled()[:3])
            self.watcher.breach(Violation("settles", f"not after {seconds_max:.0f} s: {what}"))
        self.settled_after = self.loop.time() - began
        await self._rest()

    async def _rest(self) -> None:
        """Wait until the scheduler moves no task any more; a breach if it goes on, or rests too early."""
        for _ in range(RESTS_TRIED_MAX):
            moves = self.watcher.moves
            await asyncio.sleep(REST_SECONDS)
            if self.broken.is_set():
                return
            if self.watcher.moves == moves:
                for each in unbalanced(self.ledger):
                    self.watcher.breach(Violation("rests", each))
                return
        self.watcher.breach(Violation("rests", f"tasks are still moved {RESTS_TRIED_MAX * REST_SECONDS:.0f} s after"))

    def unsettled(self) -> list[str]:
        """List what is not as it should be."""
        return unsettled(self.ledger, self.machines)

    async def keep_looking(self) -> None:
        """Look now and then, for ever."""
        while True:
            await asyncio.sleep(self.chance.uniform(5.0, 15.0))
            self.look()

    async def keep_waits_short(self) -> None:
        """See to it, for ever, that what waits and has room gets it before the next look."""
        before: set[tuple[str, str]] = set()
        keeper: Keeper | None = None
        while True:
            await asyncio.sleep(WAIT_SECONDS)
            leader, cluster = self.shard.leader, self.watcher.state.clusters.get("default")
            able = leader is not None and leader.alive and self.shard.engines == [leader] and self._is_current(leader)
            if leader is None or cluster is None or not able:
                before, keeper = set(), None
                continue
            now = waiting(self.ledger, cluster, self.clock.now())
            if keeper is leader.keeper and (longer := before & now):
                self.watcher.breach(Violation("waits", f"{min(longer)} waits longer than it must"))
            before, keeper = now, leader.keeper

    def _is_current(self, engine: Engine) -> bool:
        keeper = engine.keeper
        return keeper.ready and not keeper.backlog and keeper.sequence == self.watcher.fold.sequence

    def look(self) -> None:
        """Hold the log against the keeper's state, what was acknowledged, and the counts of its fold."""
        if self.broken.is_set():
            return
        if bug := admitted():
            self.watcher.breach(Violation("no bugs", bug))
        leader = self.shard.leader
        if leader is not None and leader.alive and self._is_current(leader):
            self.watcher.compare(leader.keeper.view)
        self.watcher.acknowledge(self.client.acknowledged)
        self.watcher.count()

    def result(self) -> Result:
        """Say what became of it."""
        watcher = self.watcher
        return Result(
            seed=self.seed,
            digest=watcher.digest.hexdigest(),
            commits=watcher.commits,
            events=watcher.events,
            tasks=len(self.ledger.tasks),
            seconds=self.loop.time(),
            settled_after=self.settled_after,
            violation=str(watcher.violation or ""),
        )

    async def close(self) -> None:
        """End what hosts would still do."""
        for machine in self.machines:
            await machine.host.close()

    async def ask(self, operation: str, request: msgspec.Struct) -> bool:
        """Have the user ask for something."""
        return await self.client.ask(operation, request)

    async def define(self, family: str, image: str, cpu: int, memory: int, port: Port | None = None) -> None:
        """Register a task definition of one container."""
        protocol, number = port or ("", 0)
        mappings = [shapes.PortMapping(container_port=80, host_port=number, protocol=protocol)] if port else None
        checked = shapes.HealthCheck(command=["CMD", "true"]) if image == "sickens" else None
        container = shapes.ContainerDefinition(
            name="main",
            image=image,
            cpu=cpu,
            memory=memory,
            essential=True,
            port_mappings=mappings,
            stop_timeout=5,
            health_check=checked,
        )
        request = shapes.RegisterTaskDefinitionRequest(family=family, container_definitions=[container])
        await self.ask("RegisterTaskDefinition", request)

    async def define_picky(self) -> None:
        """Register task definitions whose tasks fit on some machines only: by a capability, and by their subnets."""
        container = shapes.ContainerDefinition(name="main", image="steady", cpu=64, memory=64, essential=True)
        logging = msgspec.structs.replace(container, log_configuration=shapes.LogConfiguration(log_driver="splunk"))
        for request in (
            shapes.RegisterTaskDefinitionRequest(family="logging", container_definitions=[logging]),
            shapes.RegisterTaskDefinitionRequest(
                family="networked", container_definitions=[container], network_mode="awsvpc"
            ),
        ):
            await self.ask("RegisterTaskDefinition", request)

    def _backing_off(self) -> float:
        cluster = self.watcher.state.clusters.get("default")
        services = cluster.services.values() if cluster is not None else ()
        failed = max((each.failed for service in services for each in _holders(service)), default=0)
        return BACKOFF_SECONDS_MAX if failed else 0.0


def _holders(service: ServiceState) -> list[DeploymentState]:
    return [*service.deployments, *service.task_sets]


class _Ended(Exception):
    """Ends a world: what goes on in it for ever is cancelled."""


def _end() -> None:
    raise _Ended


@asynccontextmanager
async def living(world: World) -> AsyncIterator[None]:
    """Let a world, with an engine, live for the length of a block; errors come as a group."""
    try:
        async with asyncio.TaskGroup() as world.group:
            world.group.create_task(world.shard.run(world.group), name="shard")
            yield
            _end()
    except* _Ended:
        pass
    finally:
        await world.close()
