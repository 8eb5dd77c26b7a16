"""Identity: who an agent is, kept in its data directory across restarts, and held by one agent at a time.

IdentityError                what is wrong and the way out
├── IdentityMismatch         the directory belongs to another cluster or instance type
├── IdentityUnreadable       the file is not what was written
├── DirectoryInUse           another agent runs on it
└── DirectoryUnusable        the system refuses it: read-only, full, no directory; it may work the next time
"""

import fcntl
import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from quarterdeck.agents.settings import Settings

FILE = "agent.json"
LOCK = "agent.lock"
INSTANCE_ID_DIGITS = 17
ORIGIN_DIGITS = 16
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class IdentityError(Exception):
    """The agent can not be who it was told to be."""


class IdentityMismatch(IdentityError):
    """The identity found belongs to another cluster or instance type."""


class IdentityUnreadable(IdentityError):
    """There is an identity, but it can't be read."""


class DirectoryInUse(IdentityError):
    """A second agent was started on the same identity."""


class DirectoryUnusable(IdentityError):
    """The system lets nobody write there."""


class Identity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One container instance; ``incarnation`` counts the agents that have been it."""

    cluster: str
    instance_type: str
    instance_id: str
    container_instance_arn: str = ""
    incarnation: int = 0

    @property
    def container_instance(self) -> str:
        """The 32 hex digits; empty until it is registered."""
        return self.container_instance_arn.rpartition("/")[2]


class IdentityStore(Protocol):
    """Where an identity is kept; whoever has it open has it alone."""

    place: str
    folder: Path | None
    """Where else may be kept what is to survive; None keeps nothing."""
    origin: str
    """Tells it, once open, from a copy of it elsewhere; empty where there can be none."""

    def open(self) -> Identity | None:
        """Take hold of it; None if there is none yet. Raises DirectoryInUse, IdentityUnreadable."""
        ...

    def save(self, identity: Identity) -> None:
        """Keep it: after the return it survives a crash."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class DataDirectory:
    """Keeps the identity as a file, written whole or not at all, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self.folder: Path | None = path
        self.origin = ""
        self._path = path
        self._lock: int | None = None

    def open(self) -> Identity | None:
        """Make the directory if need be, lock it, read it."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise DirectoryInUse(
                f"Another agent runs on {self.place}. Stop it, or give this one a data directory of its own."
            ) from None
        self._lock = lock
        self.origin = _origin(lock)
        return self._read()

    def save(self, identity: Identity) -> None:
        """Write beside, sync, put in place, sync the directory."""
        new = self._path / f"{FILE}.new"
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as out:
            out.write(msgspec.json.encode(identity) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        new.replace(self._path / FILE)
        directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def close(self) -> None:
        """Unlock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _read(self) -> Identity | None:
        try:
            return msgspec.json.decode((self._path / FILE).read_bytes(), type=Identity)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            self.close()
            raise IdentityUnreadable(
                f"{self._path / FILE} can not be read ({error}). "
                "Restore it, or start with an empty data directory to register anew."
            ) from error


class KeptInMemory:
    """Keeps the identity as long as the object lives: for simulations, where it is what a disk would be."""

    place = "memory"
    folder: Path | None = None
    origin = ""

    def __init__(self) -> None:
        self._identity: Identity | None = None
        self._open = False

    def open(self) -> Identity | None:
        """Take hold of it."""
        if self._open:
            raise DirectoryInUse("Another agent runs with this identity.")
        self._open = True
        return self._identity

    def save(self, identity: Identity) -> None:
        """Keep it."""
        self._identity = identity

    def close(self) -> None:
        """Let go of it."""
        self._open = False


def _origin(file: int) -> str:
    """Name a file so that no copy has the same name: by this boot of this machine, file system and inode."""
    try:
        boot = BOOT_ID.read_text().strip()
    except OSError:
        boot = platform.node()
    found = os.fstat(file)
    return hashlib.sha256(f"{boot} {found.st_dev} {found.st_ino}".encode()).hexdigest()[:ORIGIN_DIGITS]


def take(store: IdentityStore, settings: Settings, token: Callable[[int], str]) -> Identity:
    """Become the next incarnation of what the store holds, or the first of something new. Raises IdentityError.

    ``token`` makes that many hex digits nobody has had before.
    """
    try:
        return _taken(store, settings, token)
    except OSError as error:
        raise DirectoryUnusable(
            f"The agent's data directory {store.place} can't be used: {error}. "
            "Make room, or name one that can be written with --data."
        ) from error


def _taken(store: IdentityStore, settings: Settings, token: Callable[[int], str]) -> Identity:
    found = store.open()
    try:
        if found is None or _is_free(found, settings):
            found = Identity(
                cluster=settings.cluster_name,
                instance_type=settings.instance_type,
                instance_id=f"i-{token(INSTANCE_ID_DIGITS)}",
            )
        _check(found, settings, store.place)
        identity = msgspec.structs.replace(found, incarnation=found.incarnation + 1)
        store.save(identity)
    except BaseException:
        store.close()
        raise
    return identity


def _is_free(found: Identity, settings: Settings) -> bool:
    """Whether it never got as far as to be an instance, of another cluster or type than is asked for now."""
    asked = settings.cluster_name, settings.instance_type
    return not found.container_instance_arn and (found.cluster, found.instance_type) != asked


def _check(found: Identity, settings: Settings, place: str) -> None:
    kept = (("cluster", found.cluster, settings.cluster_name), ("type", found.instance_type, settings.instance_type))
    for what, there, asked in kept:
        if there != asked:
            raise IdentityMismatch(
                f"The agent's data directory {place} belongs to container instance "
                f"{found.container_instance or found.instance_id} of {what} {there}, not {asked}. "
                f"Start the agent for {what} {there}, or with an empty data directory to register anew."
            )
