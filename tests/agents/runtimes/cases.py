"""Cases: how each runtime is set up, told to do what the contract is about, harmed, and searched for leftovers."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.port import Changed, Container, ContainerSpec, Happening, Mount, Resync, Runtime
from quarterdeck.agents.runtimes.process import ProcessRuntime
from quarterdeck.agents.runtimes.process.store import Store
from quarterdeck.agents.runtimes.simulated import Behaviour, SimulatedHost, SimulatedRuntime
from quarterdeck.agents.runtimes.simulated.behaviour import Said, Script
from tests import docker_engine

WAIT_SECONDS_MAX = 15.0
POLL_SECONDS = 0.01
LABEL = "quarterdeck.test"
NUMBERS = itertools.count(1)


class Program(msgspec.Struct, frozen=True):
    """Something to run."""

    command: tuple[str, ...]
    entry_point: tuple[str, ...] | None = None
    ready: bool = False
    """Whether it says when it is ready."""


class RuntimeCase(Protocol):
    """One runtime, as the contract needs it."""

    labels: dict[str, str]
    images_matter: bool
    forever: Program
    unknown: Program
    greet: tuple[str, ...]
    """A command that writes "out" and "err", each to its stream, and exits with 3."""
    cat: tuple[str, ...]
    """A command that writes what it reads, and exits with 0 when that ends."""
    healthy: tuple[str, ...]
    unhealthy: tuple[str, ...]
    hanging: tuple[str, ...]
    healthy_as_told: tuple[str, ...]
    """Passes if the environment variable CODE is 0."""

    def open(self) -> Runtime:
        """A runtime object on the same containers as the others of this case."""
        ...

    def spec(self, name: str, program: Program, **fields: Any) -> ContainerSpec: ...

    def exits(self, code: int) -> Program: ...

    def exits_as_told(self) -> Program:
        """Exits with the number in the environment variable CODE plus its one argument."""
        ...

    def on_sigterm(self, code: int | None) -> Program:
        """Exits with the code when it gets SIGTERM, or ignores it."""
        ...

    def says(self, *lines: tuple[str, str], ends: bool = True) -> Program:
        """Writes lines, each to its stream; then exits with 0, or runs for ever."""
        ...

    async def ready(self) -> None:
        """Wait until the program that says so is ready."""
        ...

    async def kill(self, container: Container) -> None:
        """SIGKILL from somebody else."""
        ...

    async def leftovers(self) -> list[str]:
        """Whatever is still there of this case."""
        ...

    async def close(self) -> None: ...


async def eventually(holds: Callable[[], Any], seconds_max: float = WAIT_SECONDS_MAX) -> None:
    """Wait until it holds, a bounded time."""
    async with asyncio.timeout(seconds_max):
        while not holds():
            await asyncio.sleep(POLL_SECONDS)


async def exited(runtime: Runtime, container_id: str) -> Container:
    """The container, once it has ended."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while (container := await runtime.inspect(container_id)).state != "exited":
            await asyncio.sleep(POLL_SECONDS)
    return container


async def next_change(changes: AsyncGenerator[Happening, None], container_id: str) -> Changed:
    """The next change of that container."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        async for item in changes:
            if isinstance(item, Changed) and item.id == container_id:
                return item
    raise AssertionError("the changes ended")


async def next_resync(changes: AsyncGenerator[Happening, None]) -> None:
    """The next interruption."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        async for item in changes:
            if isinstance(item, Resync):
                return
    raise AssertionError("the changes ended")


class Specs:
    """Names and labels nobody else uses."""

    image = "busybox"

    def __init__(self) -> None:
        self.run = f"qdtest-{os.getpid()}-{next(NUMBERS)}"
        self.labels = {LABEL: self.run}

    def spec(self, name: str, program: Program, **fields: Any) -> ContainerSpec:
        labels = {**self.labels, **fields.pop("labels", {})}
        fields = {"image": self.image, "command": program.command, "entry_point": program.entry_point, **fields}
        return ContainerSpec(name=f"{self.run}-{name}", labels=labels, **fields)


class Shell(Specs):
    """Programs for runtimes that run real ones. They make the file $READY when they are ready."""

    forever = Program(("sleep", "1000"))
    unknown = Program(("no-such-command",))
    greet: tuple[str, ...] = ("sh", "-c", "echo out; echo err >&2; exit 3")
    cat: tuple[str, ...] = ("cat",)
    healthy: tuple[str, ...] = ("CMD", "true")
    unhealthy: tuple[str, ...] = ("CMD", "no-such-command")
    hanging: tuple[str, ...] = ("CMD", "sleep", "1000")
    healthy_as_told: tuple[str, ...] = ("CMD-SHELL", "exit $CODE")

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.ready_path = str(folder / "ready")

    def spec(self, name: str, program: Program, **fields: Any) -> ContainerSpec:
        environment = {"READY": self.ready_path, **fields.pop("environment", {})}
        return super().spec(name, program, environment=environment, **fields)

    def exits(self, code: int) -> Program:
        return Program(("sh", "-c", f"exit {code}"))

    def exits_as_told(self) -> Program:
        return Program(("4",), ("sh", "-c", "exit $((CODE + $0))"))

    def on_sigterm(self, code: int | None) -> Program:
        trap = "" if code is None else f"exit {code}"
        return Program(("sh", "-c", f"trap '{trap}' TERM; : > $READY; while :; do sleep 0.05; done"))

    def says(self, *lines: tuple[str, str], ends: bool = True) -> Program:
        numbers = {"stdout": 1, "stderr": 2}
        # A pause keeps the order of the two streams.
        script = "; sleep 0.02; ".join(f"echo '{text}' >&{numbers[stream]}" for stream, text in lines)
        return Program(("sh", "-c", script + ("" if ends else "; sleep 1000")))

    async def ready(self) -> None:
        await eventually((self.folder / "ready").exists)


class DockerCase(Shell):
    """The Docker Engine of this machine."""

    images_matter = True

    def __init__(self, folder: Path, image: str) -> None:
        super().__init__(folder)
        self.image = image
        self.ready_path = "/ready/ready"
        self.socket_path = docker_engine.socket_path()

    def open(self) -> DockerRuntime:
        return DockerRuntime(self.socket_path)

    def spec(self, name: str, program: Program, **fields: Any) -> ContainerSpec:
        mounts = (Mount(str(self.folder), "/ready"), *fields.pop("mounts", ()))
        return super().spec(name, program, mounts=mounts, **fields)

    async def kill(self, container: Container) -> None:
        docker_engine.request("POST", f"/containers/{container.id}/kill")

    async def leftovers(self) -> list[str]:
        filters = msgspec.json.encode({"label": [f"{LABEL}={self.run}"]}).decode()
        _, body = docker_engine.request("GET", f"/containers/json?all=1&filters={filters}")
        return [row["Id"] for row in msgspec.json.decode(body)]

    async def close(self) -> None:
        """Nothing beside the containers."""


class ProcessCase(Shell):
    """Host processes under a directory of their own."""

    images_matter = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.data = folder / "data"

    def open(self) -> ProcessRuntime:
        return ProcessRuntime(self.data)

    def command_pid(self, container: Container) -> int:
        pids = Store(self.data).pids(container.id)
        assert pids is not None
        return pids.command_pid

    async def kill(self, container: Container) -> None:
        os.kill(self.command_pid(container), signal.SIGKILL)

    async def leftovers(self) -> list[str]:
        here = [str(path) for part in ("containers", "names", "trash") for path in (self.data / part).glob("*")]
        return here + self.processes()

    def processes(self) -> list[str]:
        """Shims and commands whose working directory is ours."""
        return [path.parent.name for path in Path("/proc").glob("[0-9]*/cwd") if self.is_ours(path)]

    def is_ours(self, cwd: Path) -> bool:
        try:
            return str(cwd.readlink()).startswith(str(self.data))
        except OSError:
            return False

    async def close(self) -> None:
        """Wait for the last shims."""
        await eventually(lambda: not self.processes())


class InstantClock:
    """Sleeping takes no time, but the clock says it did."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


class SimulatedCase(Specs):
    """A simulated host whose containers understand a few words."""

    images_matter = True
    forever = Program(("forever",))
    unknown = Program(("unknown",))
    greet: tuple[str, ...] = ("greet",)
    cat: tuple[str, ...] = ("cat",)
    healthy: tuple[str, ...] = ("CMD", "healthy")
    unhealthy: tuple[str, ...] = ("CMD", "unhealthy")
    hanging: tuple[str, ...] = ("CMD", "unhealthy")
    healthy_as_told: tuple[str, ...] = ("CMD", "healthy")

    def __init__(self) -> None:
        super().__init__()
        self.host = SimulatedHost(InstantClock(), behaviour_of=self.behaviour_of)

    @staticmethod
    def behaviour_of(spec: ContainerSpec) -> Behaviour:
        match (*(spec.entry_point or ()), *(spec.command or ())):
            case ("unknown",):
                return Behaviour(start_error='exec: "unknown": executable file not found in $PATH')
            case ("exit", code):
                return Behaviour(run_seconds=0, exit_code=int(code))
            case ("exit", "as-told", number):
                return Behaviour(run_seconds=0, exit_code=int(spec.environment["CODE"]) + int(number))
            case ("sigterm", "ignored"):
                return Behaviour(ignores_sigterm=True)
            case ("sigterm", code):
                return Behaviour(stop_seconds=1, stop_exit_code=int(code))
            case ("says", end, *words):
                pairs = zip(words[::2], words[1::2], strict=True)
                lines = tuple(Said(text, stream, number * 0.02) for number, (stream, text) in enumerate(pairs))
                return Behaviour(says=lines, run_seconds=1.0 if end else None)
            case _ if spec.health_check is not None:
                passes = "healthy" in spec.health_check.command
                return Behaviour(health=((1.0, "HEALTHY" if passes else "UNHEALTHY"),))
            case _:
                says = (("out\n", "stdout"), ("err\n", "stderr"))
                return Behaviour(commands={"greet": Script(says=says, exit_code=3), "cat": Script(echoes=True)})

    def says(self, *lines: tuple[str, str], ends: bool = True) -> Program:
        return Program(("says", "ends" if ends else "", *(word for line in lines for word in line)))

    def open(self) -> SimulatedRuntime:
        return SimulatedRuntime(self.host)

    def exits(self, code: int) -> Program:
        return Program(("exit", str(code)))

    def exits_as_told(self) -> Program:
        return Program(("4",), ("exit", "as-told"))

    def on_sigterm(self, code: int | None) -> Program:
        return Program(("sigterm", "ignored" if code is None else str(code)))

    async def ready(self) -> None:
        """At once."""

    async def kill(self, container: Container) -> None:
        self.host.kill(container.id)

    async def leftovers(self) -> list[str]:
        return [container.id for container in self.host.containers()]

    async def close(self) -> None:
        await self.host.close()
