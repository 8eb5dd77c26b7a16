"""Creation: what is made for a container before it can start: volumes, the container, the cgroup of its task."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

import msgspec

from quarterdeck.agents.runtimes.changes import carries
from quarterdeck.agents.runtimes.docker import translate, wire
from quarterdeck.agents.runtimes.docker.api import Answer, DockerApi
from quarterdeck.agents.runtimes.docker.cgroup import TaskCgroups
from quarterdeck.agents.runtimes.docker.ports import PortRows
from quarterdeck.agents.runtimes.errors import (
    CannotCreateContainerError,
    CannotCreateVolumeError,
    ContainerGone,
    ImageMissing,
)
from quarterdeck.agents.runtimes.port import Container, ContainerSpec, Mount

CREATE_SECONDS_MAX = 240.0
NAME_ATTEMPTS_MAX = 3
NOT_FOUND = 404
CONFLICT = 409
NO_IMAGE = "No such image"
"""What tells a missing image from other things a spec names, as in links."""
NO_REFERENCE = "invalid reference format"
"""What is said of a name no image can have: the pull then says so, as with the pull behaviors that begin with one."""


class Creation:
    """Creates containers; ``inspect`` finds one by its name."""

    def __init__(self, api: DockerApi, cgroups: TaskCgroups, inspect: Callable[[str], Awaitable[Container]]) -> None:
        self._api = api
        self._cgroups = cgroups
        self._rows = PortRows()
        self._inspect = inspect
        self._chosen: dict[str, frozenset[int]] = {}

    def chosen(self, container_id: str) -> frozenset[int]:
        """Name, once, the host ports that were chosen for a container that is about to start."""
        return self._chosen.pop(container_id, frozenset())

    async def create(self, spec: ContainerSpec) -> str:
        """Create at once, and look only when the daemon objects; the id."""
        for mount in spec.mounts:
            if mount.volume is not None:
                await self._make_volume(mount)
        asked = {port.host_port for port in spec.ports}
        spec = msgspec.structs.replace(spec, ports=self._rows.assigned(spec.ports))
        body = translate.create_request(spec, self._cgroups.parent(spec.bounds))
        for _ in range(NAME_ATTEMPTS_MAX):
            params = {"name": spec.name}
            answer = await self._api.call(
                "POST", "/containers/create", params, body=body, answer_seconds_max=CREATE_SECONDS_MAX
            )
            if answer.ok:
                created = msgspec.json.decode(answer.body, type=wire.Created).id
                self._cgroups.holds(created, self._cgroups.parent(spec.bounds))
                self._cgroups.make(spec.bounds)
                if chosen := {port.host_port for port in spec.ports} - asked:
                    self._chosen[created] = frozenset(chosen)
                return created
            existing = await self._existing(spec.name, answer)
            if existing is not None:
                adopted = _adopted(existing, spec, answer)
                self._cgroups.make(spec.bounds)
                return adopted
        raise CannotCreateContainerError(answer.message)

    async def _existing(self, name: str, answer: Answer) -> Container | None:
        """Who has the name; nobody any more if it was removed meanwhile. Raises what else an answer means."""
        if (answer.status == NOT_FOUND and NO_IMAGE in answer.message) or NO_REFERENCE in answer.message:
            raise ImageMissing(answer.message)
        if answer.status != CONFLICT:
            raise CannotCreateContainerError(answer.message)
        try:
            return await self._inspect(name)
        except ContainerGone:
            return None

    async def _make_volume(self, mount: Mount) -> None:
        """Make it unless it is there. Raises CannotCreateVolumeError."""
        if mount.volume is not None and mount.volume.must_exist:
            answer = await self._api.call("GET", f"/volumes/{quote(mount.source, safe='')}")
            if answer.status == NOT_FOUND:
                raise CannotCreateVolumeError(f"there is no volume {mount.source} here, and no autoprovision of it")
        else:
            answer = await self._api.call("POST", "/volumes/create", body=translate.volume_request(mount))
        if not answer.ok:
            raise CannotCreateVolumeError(answer.message)


def _adopted(existing: Container, spec: ContainerSpec, answer: Answer) -> str:
    """Ours if it carries our labels; more of them is fine, Docker adds those of the image."""
    if not carries(existing.labels, spec.labels):
        raise CannotCreateContainerError(answer.message)
    return existing.id
