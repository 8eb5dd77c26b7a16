"""Images of a simulated host: they take as long, and fail, as its behaviour says."""

from quarterdeck.agents.runtimes.errors import CannotPullContainerError
from quarterdeck.agents.runtimes.image import Credentials, Image, Progress, Tell, ignore
from quarterdeck.agents.runtimes.simulated.host import SimulatedHost

IMAGE_BYTES = 1_000_000


class SimulatedImages:
    """The images of one host."""

    def __init__(self, host: SimulatedHost) -> None:
        self._host = host

    async def pull(self, image: str, credentials: Credentials | None = None, tell: Tell = ignore) -> None:  # noqa: ARG002 - the port's signature
        """Take as long, and fail, as the host's images say."""
        self._host.check()
        self._host.pulls.append(image)
        known = self._host.image_of(image)
        tell(Progress(0, IMAGE_BYTES))
        if known.pull_seconds > 0:
            await self._host.clock.sleep(known.pull_seconds)
            self._host.check()
        if known.pull_error is not None:
            raise CannotPullContainerError(known.pull_error, final=known.pull_final)
        self._host.images.add(image)

    async def find(self, image: str) -> Image | None:
        """Look."""
        self._host.check()
        here = image in self._host.images or (self._host.image_of(image).present and image not in self._host.removed)
        return Image(image) if here else None

    async def remove(self, image: str) -> bool:
        """Take it off the host, unless a container has it."""
        self._host.check()
        if any(container.image == image for container in self._host.containers()):
            return False
        self._host.images.discard(image)
        self._host.removed.add(image)
        return True
