"""Lock: one process at a time owns a data directory."""

import fcntl
import os
from pathlib import Path

from quarterdeck.events.log.errors import DataDirectoryInUse


class Lock:
    """An advisory lock on ``<directory>/lock``, which holds the owner's process id.

    A child that inherits ``fileno`` keeps the lock while it lives, so that no second server opens the store of one
    whose parent was killed a moment ago. The system lets go of it when the last holder ends, however that happens.
    """

    def __init__(self, directory: Path) -> None:
        """Take the lock. Raises DataDirectoryInUse."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / "lock"
        self.fileno = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.fileno, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self.fileno)
            owner = path.read_text().strip() or "unknown"
            message = f"the data directory {directory} is in use by process {owner}"
            raise DataDirectoryInUse(message) from error
        os.ftruncate(self.fileno, 0)
        os.pwrite(self.fileno, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go."""
        os.close(self.fileno)
