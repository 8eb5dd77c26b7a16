"""Image records: which images this agent pulled, and when a task last used them; kept in its data directory.

Only these are ever removed: what somebody else put on the host is theirs.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import structlog

from quarterdeck.agents.settings import ImageSettings
from quarterdeck.events.log.files import write_private

FILE = "images.json"

logger = structlog.get_logger(__name__)


class Record(msgspec.Struct, frozen=True):
    """One image; seconds since the epoch."""

    pulled: float
    used: float


class ImageRecords:
    """The records of one agent; without a folder they last as long as the object."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder is not None else None
        self.by_image: dict[str, Record] = self._read()

    def pulled(self, image: str, now: float) -> None:
        """Take note of a pull."""
        self.by_image[image] = Record(now, now)
        self.save()

    def used(self, image: str, now: float) -> None:
        """Take note that a task has it; that is saved with the next pull or clean-up."""
        known = self.by_image.get(image)
        if known is not None:
            self.by_image[image] = Record(known.pulled, now)

    def removed(self, image: str) -> None:
        """Forget it."""
        self.by_image.pop(image, None)

    def save(self) -> None:
        """Keep all that is known."""
        if self._path is None:
            return
        try:
            write_private(self._path, msgspec.json.encode(self.by_image).decode())
        except OSError as error:
            logger.warning("what is known of images could not be kept", path=str(self._path), why=str(error))

    def _read(self) -> dict[str, Record]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Record]) if self._path else {}
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            logger.warning("what was known of images can't be read", path=str(self._path), why=str(error))
            return {}


def removable(records: ImageRecords, in_use: Iterable[str], now: float, settings: ImageSettings) -> list[str]:
    """Choose what to remove: unused for long enough, the least recently used first, but for those that are kept."""
    busy = frozenset(in_use)
    unused = [image for image in records.by_image if image not in busy]
    unused.sort(key=lambda image: (records.by_image[image].used, image))
    spare = unused[: max(0, len(unused) - settings.kept_min)]
    old = [image for image in spare if records.by_image[image].used + settings.unused_seconds_min <= now]
    return old[: settings.removed_max]
