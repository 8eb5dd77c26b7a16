"""Image: what a runtime says of images, and what it is given to fetch one."""

from collections.abc import Callable
from typing import Protocol

import msgspec

BYTES_PER_MB = 1_000_000


class Image(msgspec.Struct, frozen=True):
    """An image on this host. ``digest`` is its manifest's in the registry, empty if it was never in one."""

    id: str
    digest: str = ""


class Credentials(msgspec.Struct, frozen=True):
    """Who a registry is told that asks; ``token`` instead of a name and password where it gave one."""

    username: str = ""
    password: str = ""
    token: str = ""

    def __repr__(self) -> str:
        """Keep the password out of logs."""
        return f"Credentials({self.username})"


class Progress(msgspec.Struct, frozen=True):
    """How far a pull is; ``total_bytes`` grows while layers become known."""

    done_bytes: int
    total_bytes: int

    def __str__(self) -> str:
        """For people."""
        if not self.total_bytes:
            return "waiting for the registry"
        return f"{self.done_bytes / BYTES_PER_MB:.1f} of {self.total_bytes / BYTES_PER_MB:.1f} MB"


Tell = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Listen to nobody."""


def registry_of(image: str) -> str:
    """Name the registry of an image, as Docker reads references: the first part if it looks like a host."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


class ImageStore(Protocol):
    """The images of a runtime. Every call may raise ``RuntimeUnavailable``."""

    async def pull(self, image: str, credentials: Credentials | None = None, tell: Tell = ignore) -> None:
        """Bring the image here, or up to date. Raises CannotPullContainerError."""
        ...

    async def find(self, image: str) -> Image | None:
        """Look for an image by its name; None if it is not here."""
        ...

    async def remove(self, image: str) -> bool:
        """Remove what is called so, if anything is; False while a container has it."""
        ...
