"""Images of a Docker Engine: found, fetched with their progress told, removed."""

import re
from base64 import urlsafe_b64encode
from contextlib import aclosing
from urllib.parse import quote

import msgspec

from quarterdeck.agents.runtimes.docker import wire, wire_image
from quarterdeck.agents.runtimes.docker.api import Answer, DockerApi
from quarterdeck.agents.runtimes.docker.translate import image_reference
from quarterdeck.agents.runtimes.errors import CannotPullContainerError, RuntimeUnavailable
from quarterdeck.agents.runtimes.image import Credentials, Image, Progress, Tell, ignore, registry_of

PULL_SILENCE_SECONDS_MAX = 60.0
REMOVE_SECONDS_MAX = 300.0
NOT_FOUND = 404
BAD_REQUEST = 400
CONFLICT = 409
AUTH_HEADER = "X-Registry-Auth"
FINAL = ("not found", "manifest unknown", "denied", "unauthorized", "invalid reference", "no basic auth credentials")
"""What a registry says that it will say again."""
_CHARACTERS = re.compile(r"[a-zA-Z0-9_.:@/-]+")
DAEMON = "Error response from daemon: "


class DockerImages:
    """The images of one daemon. Digests are remembered: they belong to an image for good, but for new tags."""

    def __init__(self, api: DockerApi) -> None:
        self._api = api
        self._digests: dict[str, dict[str, str]] = {}

    async def pull(self, image: str, credentials: Credentials | None = None, tell: Tell = ignore) -> None:
        """Pull. A minute without a word from the daemon is weather. Raises CannotPullContainerError."""
        repository, tag = image_reference(image)
        params = {"fromImage": repository, "tag": tag}
        headers = {} if credentials is None else {AUTH_HEADER: _auth(credentials, registry_of(image))}
        layers: dict[str, tuple[int, int]] = {}
        async with self._api.stream(
            "POST", "/images/create", params, headers=headers, silence_seconds_max=PULL_SILENCE_SECONDS_MAX
        ) as answer:
            if isinstance(answer, Answer):
                raise refused(answer.message)
            async with aclosing(aiter(answer)) as lines:
                async for line in lines:
                    heard = msgspec.json.decode(line, type=wire_image.PullLine)
                    if heard.error is not None:
                        raise refused(DAEMON + heard.error)
                    if _counted(layers, heard):
                        tell(
                            Progress(sum(done for done, _ in layers.values()), sum(all_ for _, all_ in layers.values()))
                        )
        self._digests.clear()

    async def find(self, image: str) -> Image | None:
        """Look at an image by its name, as it is used in task definitions; there is none of a name that can't be."""
        if not _can_be(image):
            return None
        answer = await self._api.call("GET", f"/images/{quote(image, safe='/:@')}/json")
        if answer.status in {NOT_FOUND, BAD_REQUEST}:
            return None
        if not answer.ok:
            raise RuntimeUnavailable(answer.message)
        found = msgspec.json.decode(answer.body, type=wire_image.InspectedImage)
        digests = dict(each.split("@", 1) for each in found.repo_digests or ())
        self._digests[found.id] = digests
        return Image(found.id, _digest(digests, image))

    async def digest(self, image_id: str, image: str) -> str:
        """Name the manifest a container's image came with; the id of the image where it was never in a registry."""
        if image_id not in self._digests:
            await self.find(image_id)
        return _digest(self._digests.get(image_id, {}), image) or image_id

    async def remove(self, image: str) -> bool:
        """Remove a name, and the image if it has no other; False while a container has it.

        Docker itself only holds on to an image that a container has, not to each of its names.
        """
        if await self._in_use(image):
            return False
        path = f"/images/{quote(image, safe='/:@')}"
        answer = await self._api.call("DELETE", path, answer_seconds_max=REMOVE_SECONDS_MAX)
        if not answer.ok and answer.status not in {NOT_FOUND, CONFLICT}:
            raise RuntimeUnavailable(answer.message)
        return answer.status != CONFLICT

    async def _in_use(self, image: str) -> bool:
        filters = msgspec.json.encode({"ancestor": [image]}).decode()
        answer = await self._api.call("GET", "/containers/json", {"all": "1", "filters": filters})
        if answer.status == NOT_FOUND:
            return False
        if not answer.ok:
            raise RuntimeUnavailable(answer.message)
        return any(each.image == image for each in msgspec.json.decode(answer.body, type=tuple[wire.Summary, ...]))


def _can_be(image: str) -> bool:
    """Whether it may stand in a path of the API, and names nothing else there."""
    return _CHARACTERS.fullmatch(image) is not None and not {"", ".", ".."} & set(image.split("/"))


def refused(message: str) -> CannotPullContainerError:
    """Say why there is no image, and whether the same would be said again."""
    return CannotPullContainerError(message, final=any(each in message.lower() for each in FINAL))


def _auth(credentials: Credentials, registry: str) -> str:
    told = {"serveraddress": registry}
    if credentials.token:
        told["identitytoken"] = credentials.token
    else:
        told |= {"username": credentials.username, "password": credentials.password}
    return urlsafe_b64encode(msgspec.json.encode(told)).decode()


def _counted(layers: dict[str, tuple[int, int]], line: wire_image.PullLine) -> bool:
    """Take note of a layer's progress; whether there was any."""
    if line.status == "Downloading" and line.detail is not None and line.detail.total:
        layers[line.id] = line.detail.current, line.detail.total
    elif line.status == "Download complete" and line.id in layers:
        layers[line.id] = layers[line.id][1], layers[line.id][1]
    else:
        return False
    return True


def _digest(digests: dict[str, str], image: str) -> str:
    """Choose the digest under the repository the image is called by; another repository's names the same content."""
    repository, _ = image_reference(image)
    return digests.get(repository) or next(iter(digests.values()), "")
