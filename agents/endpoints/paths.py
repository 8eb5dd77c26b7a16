"""Paths: which container a path of the metadata endpoint is for; the path is the credential.

A path is derived from the task, the container and a key kept in the agent's data directory, so that it is the same
after a restart, when containers still have it in their environment, and nobody else can guess it.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec
import structlog

from quarterdeck.agents.task import Task
from quarterdeck.events.log.files import write_private

FILE = "endpoints.json"
DIGITS = 32

logger = structlog.get_logger(__name__)


class Kept(msgspec.Struct):
    """What outlives an agent: the key, and the port containers were told."""

    key: str
    port: int = 0


def load(folder: Path | None, key: str) -> Kept:
    """Read what an agent before kept; `key` is for the first."""
    if folder is None:
        return Kept(key)
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Kept)
    except FileNotFoundError:
        return Kept(key)
    except (OSError, msgspec.MsgspecError) as error:
        logger.warning("the metadata endpoint's key can't be read; containers have to be started anew", why=str(error))
        return Kept(key)


def save(folder: Path | None, kept: Kept) -> None:
    """Keep it for the next agent."""
    if folder is not None:
        write_private(folder / FILE, msgspec.json.encode(kept).decode())


def path_of(key: str, task: str, container: str) -> str:
    """Name a container to itself."""
    return hmac.new(key.encode(), f"{task}/{container}".encode(), sha256).hexdigest()[:DIGITS]


class Paths:
    """All paths of the tasks there are."""

    def __init__(self, key: str, tasks: Mapping[str, Task]) -> None:
        self._key = key
        self._tasks = tasks
        self._found: dict[str, tuple[str, str]] = {}

    def find(self, path: str) -> tuple[Task, str] | None:
        """Find the task and container a path was given to; None if there is none any more."""
        if path not in self._found:
            self._found = {
                path_of(self._key, task.id, plan.name): (task.id, plan.name)
                for task in self._tasks.values()
                for plan in task.plan.containers
            }
        task_id, name = self._found.get(path, ("", ""))
        task = self._tasks.get(task_id)
        return None if task is None else (task, name)
