"""Docker engine: what the demo does with Docker behind the agents' backs: make an image, kill a container."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import aiohttp
import msgspec

IMAGE = "quarterdeck-demo/busybox:1"
LOCAL = ("busybox", "alpine", "debian", "ubuntu")
ANSWER_SECONDS_MAX = 30.0
HEADERS_BYTES = 4096
LOADER = b"/ld-"
"""What the headers of a program name that needs a dynamic loader."""


class DockerRefused(Exception):
    """The Docker Engine said no, or nothing."""


class _Image(msgspec.Struct):
    tags: list[str] | None = msgspec.field(name="RepoTags", default=None)


async def provide_image(socket: str) -> tuple[str, bool]:
    """Find an image with a shell, or make one without a registry; tells whether it was made. Raises DockerRefused."""
    busybox = static_busybox()
    if busybox is not None:
        query = {"fromSrc": "-", "repo": IMAGE.partition(":")[0], "tag": "1", "changes": "ENV PATH=/bin"}
        await _request(socket, "POST", "/images/create", query, layer(busybox))
        return IMAGE, True
    images = msgspec.json.decode(await _request(socket, "GET", "/images/json"), type=list[_Image])
    tags = [tag for image in images for tag in image.tags or []]
    found = [tag for tag in tags if any(name in tag for name in LOCAL)]
    if not found:
        raise DockerRefused("there is no static busybox to make an image of, and no image with a shell")
    return min(found), False


async def remove_image(socket: str, image: str) -> None:
    """Remove an image that was made here. Raises DockerRefused."""
    await _request(socket, "DELETE", f"/images/{image}", {"force": "true"})


async def kill(socket: str, container: str) -> None:
    """Kill a container, as `docker kill` does. Raises DockerRefused."""
    await _request(socket, "POST", f"/containers/{container}/kill")


def static_busybox() -> Path | None:
    """Find a busybox that runs in an empty image."""
    found = shutil.which("busybox", path="/bin:/usr/bin:/usr/local/bin")
    return Path(found) if found and LOADER not in Path(found).read_bytes()[:HEADERS_BYTES] else None


def layer(busybox: Path) -> bytes:
    """Make a file system of busybox and its applets, as a tar."""
    listing = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True)  # noqa: S603 - ours
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        program = tarfile.TarInfo("bin/busybox")
        program.mode, program.size = 0o755, busybox.stat().st_size
        tar.addfile(program, io.BytesIO(busybox.read_bytes()))
        for applet in set(listing.stdout.split()) - {"busybox"}:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return archive.getvalue()


async def _request(
    socket: str, method: str, path: str, query: dict[str, str] | None = None, body: bytes | None = None
) -> bytes:
    limit = aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX)
    headers = {"Content-Type": "application/x-tar"} if body is not None else {}
    try:
        async with (
            aiohttp.ClientSession("http://docker", connector=aiohttp.UnixConnector(socket), timeout=limit) as session,
            session.request(method, path, params=query, data=body, headers=headers) as response,
        ):
            said = await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise DockerRefused(f"Docker at {socket}: {str(error) or type(error).__name__}") from error
    if not response.ok or b'"errorDetail"' in said:
        raise DockerRefused(f"{method} {path}: {said.decode(errors='replace').strip()}")
    return said
