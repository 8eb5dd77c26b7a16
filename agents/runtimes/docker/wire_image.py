"""Wire of images: the parts of the Docker Engine API's JSON about them that are used, as Structs."""

import msgspec


class PullDetail(msgspec.Struct, frozen=True):
    """Bytes of one layer."""

    current: int = 0
    total: int = 0


class PullLine(msgspec.Struct, frozen=True):
    """One line of a pull, mostly about the layer ``id``; an error arrives as a line after a 200."""

    status: str = ""
    id: str = ""
    detail: PullDetail | None = msgspec.field(name="progressDetail", default=None)
    error: str | None = None


class InspectedImage(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of ``GET /images/{name}/json``; each of its digests is ``repository@sha256:…``."""

    id: str
    repo_digests: tuple[str, ...] | None = None
