"""Images: there are none: a process is what its command names."""

from quarterdeck.agents.runtimes.image import Credentials, Image, Tell, ignore


class NoImages:
    """Images are ignored: all are here."""

    async def pull(self, image: str, credentials: Credentials | None = None, tell: Tell = ignore) -> None:
        """Nothing."""

    async def find(self, image: str) -> Image | None:
        """Call it by its name."""
        return Image(image)

    async def remove(self, image: str) -> bool:  # noqa: ARG002 - the port's signature
        """Nothing."""
        return True
