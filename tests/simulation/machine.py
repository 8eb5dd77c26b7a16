"""Machine: a simulated host in a zone, and the agents that follow one another on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from quarterdeck.agents import labels
from quarterdeck.agents.agent import Agent, Ended
from quarterdeck.agents.identity import KeptInMemory
from quarterdeck.agents.registration import RegistrationRefused
from quarterdeck.agents.runtimes.network import PAUSE_IMAGE
from quarterdeck.agents.runtimes.port import Container, ContainerSpec, RuntimeInfo
from quarterdeck.agents.runtimes.simulated import Behaviour, SimulatedHost, SimulatedRuntime
from quarterdeck.agents.runtimes.simulated.behaviour import Image
from quarterdeck.agents.settings import Settings, Timing
from quarterdeck.events.names import short_name
from tests.simulation.chance import Chance, Weather
from tests.simulation.link import Link
from tests.simulation.loop import VirtualClock
from tests.simulation.shard import Shard

LOG_DRIVERS = (("json-file",), ("json-file", "splunk"))
"""Every second machine has more than the others."""
TIMING = Timing(heartbeat_seconds=2.0, compare_seconds=20.0, keep_stopped_seconds=5.0)

Created = Callable[["Machine", str], None]


class Machine:
    """One host with its agent; the host may lose its power, the agent its life, the link may be cut."""

    def __init__(self, name: str, zone: str, size: tuple[int, int], shard: Shard, clock: VirtualClock) -> None:
        self.name = name
        self.zone = zone
        self.chance: Chance
        self.weather: Weather
        self.created: Created = lambda _machine, _task: None
        self.healthy = False
        self.ended: Ended | None = None
        self._size = RuntimeInfo(
            name="simulated",
            version="1",
            api_version="",
            cpu=size[0],
            memory_mib=size[1],
            log_drivers=LOG_DRIVERS[int(name[1:]) % 2],
        )
        self._shard = shard
        self._clock = clock
        self._store = KeptInMemory()
        self._task: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._tokens = 0
        self.host = self._new_host()

    @property
    def alive(self) -> bool:
        """Whether its agent runs."""
        return self._task is not None and not self._task.done()

    def start(self, group: asyncio.TaskGroup) -> None:
        """Start an agent, unless one runs or the instance was deregistered."""
        if self.alive or self.ended == "deregistered":
            return
        self._link = Link(self._shard, self.chance, self.weather, group)
        self._task = group.create_task(self._run(self._link), name=f"agent of {self.name}")

    def kill(self) -> None:
        """End the agent in the middle of things; nothing it says on its way out is heard."""
        if self._link is not None and self._task is not None:
            self._link.cut = True
            self._task.cancel()

    def cut(self, *, cut: bool) -> None:
        """Cut the link, or mend it."""
        if self._link is not None:
            self._link.cut = cut

    async def lose_power(self) -> None:
        """Lose the agent and every container; the disk stays."""
        self.kill()
        if self._task is not None:
            await asyncio.wait([self._task])
        await self.host.close()
        self.host = self._new_host()

    def running(self) -> list[Container]:
        """List the containers of tasks that run; not those that hold a task's network."""
        return [each for each in self.host.containers() if each.state == "running" and each.image != PAUSE_IMAGE]

    async def _run(self, link: Link) -> None:
        agent = Agent(
            settings=Settings(
                host=self.name,
                zone=self.zone,
                cluster="default",
                instance_type="simulated",
                subnets={f"subnet-{self.zone[-1]}": ""},
                timing=TIMING,
            ),
            store=self._store,
            link=link,
            runtime=SimulatedRuntime(self.host),
            clock=self._clock,
            token=self._token,
        )
        try:
            self.ended = await agent.run()
        except RegistrationRefused:
            self.ended = "deregistered"

    def _token(self, digits: int) -> str:
        self._tokens += 1
        return f"{(int(self.name[1:]) << 40) + self._tokens:0{digits}x}"[-digits:]

    def _new_host(self) -> SimulatedHost:
        return SimulatedHost(
            self._clock, name=self.name, size=self._size, behaviour_of=self._behaviour, image_of=self._image
        )

    def _behaviour(self, spec: ContainerSpec) -> Behaviour:
        """A container behaves as its image is called, until the faults end."""
        self.created(self, short_name(spec.labels[labels.TASK_ARN]))
        if spec.image == "slow":
            return Behaviour(start_seconds=self.chance.uniform(0.5, 4.0), stop_seconds=self.chance.uniform(0.5, 6.0))
        if self.healthy:
            return Behaviour(start_seconds=0.1)
        teardown = self.chance.choice((0.0, self.chance.uniform(0.05, 3.0)))
        match spec.image:
            case "crashes":
                seconds = self.chance.uniform(0.0, 20.0)
                return Behaviour(run_seconds=seconds, exit_code=1, teardown_seconds=teardown)
            case "broken":
                return Behaviour(start_error="exec format error")
            case "sickens":
                return Behaviour(health=((1.0, "HEALTHY"), (self.chance.uniform(2.0, 30.0), "UNHEALTHY")))
            case "stubborn":
                return Behaviour(ignores_sigterm=True)
            case _:
                return Behaviour(start_seconds=self.chance.uniform(0.0, 0.5), teardown_seconds=teardown)

    def _image(self, image: str) -> Image:
        if image == "unpulled" and not self.healthy:
            return Image(pull_error="no route to the registry", present=False, pull_seconds=1.0)
        return Image()
