"""Host: the containers of a simulated machine, and the hooks by which a test or simulation harms them.

It outlives the runtime objects that drive it, as a Docker daemon outlives agents.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable
from functools import partial

import msgspec

from quarterdeck.agents.runtimes.changes import ChangeFeed
from quarterdeck.agents.runtimes.errors import CannotStartContainerError, ContainerGone, RuntimeUnavailable
from quarterdeck.agents.runtimes.exits import ExitFeed
from quarterdeck.agents.runtimes.health import Health
from quarterdeck.agents.runtimes.port import OUT_OF_MEMORY, Container, ContainerSpec, Ended, PortMapping, RuntimeInfo
from quarterdeck.agents.runtimes.simulated.behaviour import (
    Behaviour,
    BehaviourOf,
    ImageOf,
    Said,
    all_but_missing,
    run_for_ever,
)
from quarterdeck.agents.runtimes.simulated.timers import Clock, Timers
from quarterdeck.events.session import LogLine

SIGKILL_EXIT_CODE = 137
DYNAMIC_PORT_MIN = 32768
DYNAMIC_PORT_MAX = 60999
LINES_KEPT_MAX = 10_000
NANOSECONDS = 1_000_000_000
SIZE = RuntimeInfo(name="simulated", version="1", api_version="", cpu=4096, memory_mib=16384)

Port = tuple[str, int]


class Held(msgspec.Struct):
    """A container on the host: what was asked for, how it is, and in which run (counted from 1)."""

    spec: ContainerSpec
    seen: Container
    behaviour: Behaviour
    run: int = 0
    lines: deque[LogLine] = msgspec.field(default_factory=lambda: deque(maxlen=LINES_KEPT_MAX))
    written: int = 0
    """Lines in all, those not kept any more included."""


class SimulatedHost:
    """A machine of values. Ids are counted, so that equal histories have equal ids."""

    def __init__(
        self,
        clock: Clock,
        *,
        name: str = "host",
        size: RuntimeInfo = SIZE,
        behaviour_of: BehaviourOf = run_for_ever,
        image_of: ImageOf = all_but_missing,
    ) -> None:
        self.clock = clock
        self.size = size
        self.image_of = image_of
        self.images: set[str] = set()
        """Those that were pulled."""
        self.removed: set[str] = set()
        self.pulls: list[str] = []
        self._behaviour_of = behaviour_of
        self._ids = (f"{name}-{number:08d}" for number in itertools.count(1))
        self._held: dict[str, Held] = {}
        self._names: dict[str, str] = {}
        self._ports: set[Port] = set()
        self._next_port = DYNAMIC_PORT_MIN
        self._timers = Timers(clock)
        self._feeds: dict[ChangeFeed, ExitFeed] = {}  # in order: simulations are deterministic
        self._away = False
        self.stirred = asyncio.Event()
        """Set, and replaced by another, when something was written, or a container began or ended."""

    # ---- hooks

    def say(self, container_id: str, text: str, stream: str = "stdout") -> None:
        """The container writes a line."""
        held = self.held(container_id)
        held.lines.append(LogLine(round(self.clock.now() * NANOSECONDS), stream, f"{text}\n".encode()))
        held.written += 1
        self._stir()

    def kill(self, container_id: str, *, exit_code: int = SIGKILL_EXIT_CODE, oom: bool = False) -> None:
        """The container ends without anybody having asked."""
        self._exit(container_id, exit_code, oom=oom)

    def become(self, container_id: str, health: Health) -> None:
        """Its health check says that from now on. Raises ContainerGone."""
        held = self.held(container_id)
        if held.seen.state == "running" and held.spec.health_check is not None:
            held.seen = msgspec.structs.replace(held.seen, health=health)
            self._publish(held)

    def vanish(self, container_id: str) -> None:
        """Somebody else removes the container."""
        self.remove(container_id)

    def daemon_away(self) -> None:
        """From now on every call raises RuntimeUnavailable; containers go on, changes are not seen."""
        self._away = True
        for feed in self._feeds:
            feed.pause()
        self._stir()

    def daemon_back(self) -> None:
        """Calls work again, and followers learn that they missed something."""
        self._away = False
        for feed in self._feeds:
            feed.resume()

    async def close(self) -> None:
        """End what the host would still do by itself."""
        await self._timers.close()

    # ---- what the runtime asks for

    def check(self) -> None:
        """Raise RuntimeUnavailable while the daemon is away."""
        if self._away:
            raise RuntimeUnavailable("the simulated daemon is away")

    def join(self, feed: ChangeFeed, exits: ExitFeed) -> None:
        """Tell these feeds of changes and exits too."""
        self._feeds[feed] = exits
        if self._away:
            feed.pause()

    def leave(self, feed: ChangeFeed) -> None:
        """Not any more."""
        self._feeds.pop(feed, None)
        self._stir()

    def containers(self) -> Iterable[Container]:
        """All of them, in order of creation."""
        return (held.seen for held in self._held.values())

    def held(self, container_id: str) -> Held:
        """The container. Raises ContainerGone."""
        try:
            return self._held[container_id]
        except KeyError:
            raise ContainerGone(f"No such container: {container_id}") from None

    def named(self, name: str) -> Container | None:
        """The container of that name, if there is one."""
        return self._held[self._names[name]].seen if name in self._names else None

    def create(self, spec: ContainerSpec) -> str:
        """Put a new container there."""
        container_id = next(self._ids)
        digest = f"sha256:{spec.image}"
        seen = Container(
            container_id, spec.name, spec.labels, "created", spec.image, digest, created_at=self.clock.now()
        )
        self._held[container_id] = Held(spec, seen, self._behaviour_of(spec))
        self._names[spec.name] = container_id
        return container_id

    def start(self, container_id: str) -> None:
        """Let it run. Raises ContainerGone and CannotStartContainerError."""
        held = self.held(container_id)
        if held.behaviour.start_error is not None:
            raise CannotStartContainerError(held.behaviour.start_error)
        ports = self._bind(held.spec)
        now = self.clock.now()
        seen = msgspec.structs.replace(
            held.seen, state="running", started_at=now, ports=ports, exit_code=None, reason=None, finished_at=None
        )
        checked = held.spec.health_check is not None
        held.seen = msgspec.structs.replace(seen, oom_killed=False, health="UNKNOWN" if checked else None)
        held.run += 1
        self._publish(held)
        self._speak(container_id, held, now)
        if held.behaviour.run_seconds is not None:
            self._timers.at(now + held.behaviour.run_seconds, partial(self._expire, container_id, held.run))
        for seconds, health in held.behaviour.health if checked else ():
            self._timers.at(now + seconds, partial(self._turn, container_id, held.run, health))

    def end(self, container_id: str, exit_code: int, *, oom: bool = False) -> None:
        """Let it end, if it runs. Raises ContainerGone."""
        held = self.held(container_id)
        if held.seen.state == "running":
            self._ports -= {(port.protocol, port.host_port) for port in held.seen.ports}
            seen = msgspec.structs.replace(held.seen, state="exited", exit_code=exit_code, ports=(), oom_killed=oom)
            reason = OUT_OF_MEMORY if oom else None
            held.seen = msgspec.structs.replace(seen, reason=reason, finished_at=self.clock.now(), health=None)
            self._publish(held, Ended(exit_code, self.clock.now(), oom))

    def remove(self, container_id: str) -> None:
        """Forget it. Raises ContainerGone."""
        self.end(container_id, SIGKILL_EXIT_CODE)
        held = self._held.pop(container_id)
        del self._names[held.spec.name]
        self._publish(held)

    def _exit(self, container_id: str, exit_code: int, *, oom: bool = False) -> None:
        """Let nothing run in it any more; it has ended when it is taken apart."""
        held = self.held(container_id)
        seconds, run = held.behaviour.teardown_seconds, held.run
        if not seconds or held.seen.state != "running":
            self.end(container_id, exit_code, oom=oom)
            return

        def end() -> None:
            if container_id in self._held and held.run == run:
                self.end(container_id, exit_code, oom=oom)

        for exits in self._feeds.values():
            exits.publish(container_id, held.seen.labels)
        self._timers.at(self.clock.now() + seconds, end)

    def _expire(self, container_id: str, run: int) -> None:
        """The end of a run by itself, if that run still goes on."""
        held = self._held.get(container_id)
        if held is not None and held.run == run:
            code = SIGKILL_EXIT_CODE if held.behaviour.oom else held.behaviour.exit_code
            self._exit(container_id, code, oom=held.behaviour.oom)

    def _speak(self, container_id: str, held: Held, now: float) -> None:
        """Write what a run writes, each line at its time if that run still goes on."""
        run = held.run
        for said in held.behaviour.says:

            def write(said: Said = said) -> None:
                if held.run == run and held.seen.state == "running":
                    self.say(container_id, said.text, said.stream)

            if said.after_seconds:
                self._timers.at(now + said.after_seconds, write)
            else:
                write()

    def _stir(self) -> None:
        self.stirred.set()
        self.stirred = asyncio.Event()

    def _turn(self, container_id: str, run: int, health: Health) -> None:
        held = self._held.get(container_id)
        if held is not None and held.run == run:
            self.become(container_id, health)

    def _publish(self, held: Held, ended: Ended | None = None) -> None:
        for feed in self._feeds:
            feed.publish(held.seen.id, held.seen.labels, ended)
        self._stir()

    def _bind(self, spec: ContainerSpec) -> tuple[PortMapping, ...]:
        """All ports of the spec or none. Raises CannotStartContainerError."""
        bound: list[PortMapping] = []
        used: set[Port] = set()
        for wanted in spec.ports:
            host_port = wanted.host_port or self._free(wanted.protocol, used)
            if (wanted.protocol, host_port) in self._ports or (wanted.protocol, host_port) in used:
                address = f"{wanted.bind_address}:{host_port}"
                raise CannotStartContainerError(f"Bind for {address} failed: port is already allocated")
            used.add((wanted.protocol, host_port))
            bound.append(msgspec.structs.replace(wanted, host_port=host_port))
        self._ports |= used
        return tuple(bound)

    def _free(self, protocol: str, used: set[Port]) -> int:
        """The next free dynamic port, going round. Raises CannotStartContainerError."""
        for _ in range(DYNAMIC_PORT_MIN, DYNAMIC_PORT_MAX + 1):
            port, self._next_port = self._next_port, self._next_port + 1
            if self._next_port > DYNAMIC_PORT_MAX:
                self._next_port = DYNAMIC_PORT_MIN
            if (protocol, port) not in self._ports and (protocol, port) not in used:
                return port
        raise CannotStartContainerError("all ports are allocated")
