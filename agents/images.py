"""Images: brings them to this host, as the pull behaviour says, and takes away those nobody has used for long.

Tasks that need the same image from the same account share one pull. What may work later is tried again a few
times, with growing pauses; what a registry would say again (not found, denied) is not.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from quarterdeck.agents.backoff import Backoff
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.image_records import ImageRecords, removable
from quarterdeck.agents.registry_auth import credentials_for
from quarterdeck.agents.runtimes.errors import CannotPullContainerError, RuntimeFailure, RuntimeUnavailable
from quarterdeck.agents.runtimes.image import Credentials, ImageStore, Progress
from quarterdeck.agents.settings import ImageSettings

NOTHING_YET = Progress(0, 0)

logger = structlog.get_logger(__name__)


class Pull:
    """One pull, for all who wait for it."""

    def __init__(self) -> None:
        self.progress = NOTHING_YET
        self.work: asyncio.Task[RuntimeFailure | None] | None = None

    def tell(self, progress: Progress) -> None:
        """Take note of how far it is."""
        self.progress = progress


class Images:
    """The images of one host, as its agent sees them."""

    def __init__(self, store: ImageStore, clock: Clock, settings: ImageSettings, records: ImageRecords) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._records = records
        self._pulls: dict[tuple[str, Credentials | None], Pull] = {}
        self._slots = asyncio.Semaphore(settings.pulls_max)

    def asks_first(self, image: str) -> bool:
        """Whether the registry is to be asked before the image is used, even if one of that name is here."""
        match self._settings.pull_behavior:
            case "default" | "always":
                return True
            case "once":
                return image not in self._records.by_image
            case "prefer-cached":
                return False

    def used(self, image: str) -> None:
        """Take note that a container has it."""
        self._records.used(image, self._clock.now())

    def pull(self, group: asyncio.TaskGroup, image: str, credentials: Credentials | None) -> Pull:
        """Begin a pull, or join the one that is under way; its ``work`` gives what went wrong, if anything did."""
        key = image, credentials
        if key not in self._pulls:
            pull = self._pulls[key] = Pull()
            pull.work = group.create_task(self._bring(key, pull), name=f"pull of {image}")
        return self._pulls[key]

    async def _bring(self, key: tuple[str, Credentials | None], pull: Pull) -> RuntimeFailure | None:
        image, given = key
        try:
            credentials = given or await credentials_for(image, self._settings.auth_file)
            cached = self._settings.pull_behavior == "default" and await self._store.find(image) is not None
            await self._pulled(image, credentials, pull, 1 if cached else self._settings.attempts_max)
        except CannotPullContainerError as failure:
            return await self._made_do(image, failure)
        except RuntimeFailure as failure:
            return failure
        finally:
            del self._pulls[key]
        self._records.pulled(image, self._clock.now())
        return None

    async def _pulled(self, image: str, credentials: Credentials | None, pull: Pull, attempts_max: int) -> None:
        backoff = Backoff(self._settings.retry_seconds_min, self._settings.retry_seconds_max)
        while True:
            try:
                async with self._slots:
                    await self._store.pull(image, credentials, pull.tell)
            except CannotPullContainerError as failure:
                if failure.final or backoff.failures + 1 >= attempts_max:
                    raise
                logger.info("pull failed, trying again", image=image, why=failure.reason)
            else:
                return
            await self._clock.sleep(backoff.next())

    async def _made_do(self, image: str, failure: CannotPullContainerError) -> RuntimeFailure | None:
        """Make do with the image that is here, if that is the behaviour asked for."""
        if self._settings.pull_behavior != "default":
            return failure
        try:
            found = await self._store.find(image)
        except RuntimeUnavailable as unavailable:
            return unavailable
        if found is None:
            return failure
        logger.warning("the image could not be pulled; the one that is here is used", image=image, why=failure.reason)
        return None

    # ---------------------------------------------------------------- clean-up

    async def clean(self, in_use: Callable[[], Iterable[str]]) -> None:
        """Remove, now and then, what nobody has used for long; ``in_use`` tells what tasks have or wait for."""
        if self._settings.clean_seconds <= 0 or self._settings.pull_behavior == "prefer-cached":
            return
        while True:
            await self._clock.sleep(self._settings.clean_seconds)
            await self.clean_once(in_use)

    async def clean_once(self, in_use: Callable[[], Iterable[str]]) -> None:
        """Remove what may go now; one that a container has, whoever made it, stays."""
        now = self._clock.now()
        busy = self._busy(in_use)
        for image in busy:
            self._records.used(image, now)
        for image in removable(self._records, busy, now, self._settings):
            if image in self._busy(in_use):  # by now: the removal of those before it took a while
                continue
            try:
                removed = await self._store.remove(image)
            except RuntimeFailure as failure:
                logger.warning("image not removed", image=image, why=failure.reason)
                continue
            if removed:
                logger.info("unused image removed", image=image)
                self._records.removed(image)
            else:
                self._records.used(image, now)
        self._records.save()

    def _busy(self, in_use: Callable[[], Iterable[str]]) -> set[str]:
        return {*in_use(), *(image for image, _ in self._pulls)}
