"""Store: containers as directories, which outlive the agent, and what can be read from them.

    <data>/containers/<id>/     spec.json, ports.json, environment, health, work/, and what the shim leaves
    <data>/names/<name>         link whose text is the id; making it is what claims the name
    <data>/trash/<id>/          about to be deleted

File times are the container's times: ``pids`` is written when it starts, ``exit`` when it ends.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import get_args

import msgspec
import structlog

from quarterdeck.agents.runtimes.errors import ContainerGone
from quarterdeck.agents.runtimes.health import Health
from quarterdeck.agents.runtimes.port import Container, ContainerSpec, PortMapping
from quarterdeck.agents.runtimes.process import shim

LOST = "The process supervising this container was killed; its exit code is unknown"

PIDS_WORDS = 5

Ports = tuple[PortMapping, ...]

logger = structlog.get_logger(__name__)


class Pids(msgspec.Struct, frozen=True):
    """Who runs a container; start times in clock ticks since boot tell a pid from its reuse."""

    boot_id: str
    shim_pid: int
    shim_start_ticks: int
    command_pid: int
    command_start_ticks: int

    @property
    def shim_lives(self) -> bool:
        """Whether the shim still runs, in this boot."""
        return self._lives(self.shim_pid, self.shim_start_ticks)

    @property
    def command_lives(self) -> bool:
        """Whether the command still runs, in this boot."""
        return self._lives(self.command_pid, self.command_start_ticks)

    def _lives(self, pid: int, start_ticks: int) -> bool:
        try:
            same = shim.start_ticks(pid) == start_ticks
        except (FileNotFoundError, ProcessLookupError):
            return False
        return same and shim.boot_id() == self.boot_id


NOBODY = Pids("", 0, 0, 0, 0)
"""Who runs what was started when the power went before that was on the disk."""


class Store:
    """The directories of one data directory; one agent at a time."""

    def __init__(self, data: Path) -> None:
        self._containers = data / "containers"
        self._names = data / "names"
        self._trash = data / "trash"

    def open(self) -> None:
        """Make the directories, and finish removals that were cut short."""
        for directory in (self._containers, self._names, self._trash):
            directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        for container_id in self.ids():
            self._check(container_id)
        for link in self._names.iterdir():
            self.named(link.name)
        for path in self._trash.iterdir():
            shutil.rmtree(path, ignore_errors=True)

    def _check(self, container_id: str) -> None:
        """Drop a container whose description was not on the disk yet when the power went."""
        try:
            self.spec(container_id)
        except (ContainerGone, msgspec.MsgspecError) as error:
            logger.warning("a container without a description is dropped", container=container_id, why=str(error))
            (self._containers / container_id).rename(self._trash / container_id)

    def create(self, spec: ContainerSpec) -> str | None:
        """Id of a new container, or None if the name is taken."""
        draft = Path(tempfile.mkdtemp(prefix=f"{spec.name}-", dir=self._trash))
        draft.chmod(0o711)
        (draft / "work").mkdir()
        spec_file = draft / "spec.json"
        spec_file.touch(mode=0o600)  # there may be secrets in its environment
        spec_file.write_bytes(msgspec.json.encode(spec))
        directory = self._containers / draft.name
        try:
            (self._names / spec.name).symlink_to(directory.name)
        except FileExistsError:
            shutil.rmtree(draft)
            return None
        draft.rename(directory)
        return directory.name

    def named(self, name: str) -> str | None:
        """Id of the container with this name; a name without one (a crash between) is given up."""
        link = self._names / name
        try:
            container_id = link.readlink().name
        except FileNotFoundError:
            return None
        if not (self._containers / container_id).is_dir():
            link.unlink(missing_ok=True)
            return None
        return container_id

    def ids(self) -> list[str]:
        """All containers."""
        return sorted(path.name for path in self._containers.iterdir())

    def directory(self, container_id: str) -> Path:
        """Where the container lives. Raises ContainerGone."""
        path = self._containers / container_id
        if not path.is_dir():
            raise ContainerGone(f"No such container: {container_id}")
        return path

    def spec(self, container_id: str) -> ContainerSpec:
        """What it was created as. Raises ContainerGone."""
        path = self.directory(container_id) / "spec.json"
        with _meanwhile():
            return msgspec.json.decode(path.read_bytes(), type=ContainerSpec)

    def prepare(self, container_id: str, ports: Ports, environment: dict[str, str]) -> None:
        """Write what the next run gets, and forget the last one. Raises ContainerGone."""
        directory = self.directory(container_id)
        with _meanwhile():
            for name in ("exit", "pids", "health"):
                (directory / name).unlink(missing_ok=True)
            (directory / "ports.json").write_bytes(msgspec.json.encode(ports))
            path = directory / "environment"
            path.touch(mode=0o600)
            pairs = "\0".join(f"{name}={value}" for name, value in environment.items())
            path.write_text(pairs, encoding="utf-8", errors="surrogateescape")

    def environment(self, container_id: str) -> dict[str, str]:
        """What the last run got. Raises ContainerGone."""
        path = self.directory(container_id) / "environment"
        with _meanwhile():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
        return dict(pair.partition("=")[::2] for pair in text.split("\0") if pair)

    def ports(self, container_id: str) -> Ports:
        """The host ports of the last run."""
        path = self.directory(container_id) / "ports.json"
        return msgspec.json.decode(path.read_bytes(), type=Ports) if path.exists() else ()

    def keep_health(self, container_id: str, health: Health) -> None:
        """Write what is known of this run's health."""
        with suppress(ContainerGone, OSError):  # it may be removed meanwhile
            (self.directory(container_id) / "health").write_text(health)

    def health(self, container_id: str) -> Health | None:
        """What was known of this run's health; None if nothing was. Raises ContainerGone."""
        try:
            kept = (self.directory(container_id) / "health").read_text()
        except FileNotFoundError:
            return None
        return next((each for each in get_args(Health) if each == kept), None)

    def pids(self, container_id: str) -> Pids | None:
        """Who runs it, or ran it last; None if it never started. Raises ContainerGone."""
        try:
            words = (self.directory(container_id) / "pids").read_text().split()
        except FileNotFoundError:
            return None
        return Pids(words[0], *(int(word) for word in words[1:])) if len(words) == PIDS_WORDS else NOBODY

    def container(self, container_id: str) -> Container:
        """How it is now. Raises ContainerGone."""
        with _meanwhile():
            return self._observed(container_id)

    def _observed(self, container_id: str) -> Container:
        spec = self.spec(container_id)
        base = Container(
            container_id, spec.name, spec.labels, "created", spec.image, created_at=_made(self.directory(container_id))
        )
        pids = self.pids(container_id)
        if pids is None:
            return base
        lives = pids.shim_lives  # before looking for the exit code: the shim writes it, then ends
        directory = self.directory(container_id)
        started_at = (directory / "pids").stat().st_mtime
        base = msgspec.structs.replace(base, state="exited", started_at=started_at)
        exit_file = directory / "exit"
        if exit_file.exists() and (code := exit_file.read_text()).isdecimal():
            return msgspec.structs.replace(base, exit_code=int(code), finished_at=exit_file.stat().st_mtime)
        if not lives:
            return msgspec.structs.replace(base, reason=LOST)
        return msgspec.structs.replace(base, state="running", ports=self.ports(container_id))

    def remove(self, container_id: str) -> None:
        """Forget it at once, then delete its files. Raises ContainerGone."""
        name = self.spec(container_id).name
        trash = self._trash / container_id
        with _meanwhile():
            self.directory(container_id).rename(trash)
        (self._names / name).unlink(missing_ok=True)
        shutil.rmtree(trash, ignore_errors=True)


@contextmanager
def _meanwhile() -> Iterator[None]:
    """Read files of a container, which a thread may remove. Raises ContainerGone."""
    try:
        yield
    except FileNotFoundError as error:
        raise ContainerGone(f"Removed meanwhile: {error.filename}") from error


def _made(directory: Path) -> float:
    return (directory / "spec.json").stat().st_mtime
