"""Volumes: what a task's volumes are to a runtime, and where its containers have them. Pure (spec §5.5)."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from quarterdeck.agents.naming import unique_name
from quarterdeck.agents.runtimes.port import Mount, Volume
from quarterdeck.agents.untranslatable import Untranslatable
from quarterdeck.events import shapes

UNSUPPORTED = (
    "efs_volume_configuration",
    "fsx_windows_file_server_volume_configuration",
    "s3files_volume_configuration",
    "configured_at_launch",
)


class Held(NamedTuple):
    """A volume as a mount without a target, and whether it ends with its task."""

    mount: Mount
    of_task: bool


def volumes(definition: shapes.TaskDefinition, task: str) -> dict[str, Held]:
    """The volumes of a task by name. Raises Untranslatable."""
    return {
        each.name or "": _volume(definition, each, index, task) for index, each in enumerate(definition.volumes or [])
    }


def mounts(container: shapes.ContainerDefinition, held: dict[str, Held]) -> Iterator[Mount]:
    """Where a container has which of them."""
    for each in container.mount_points or []:
        found = held[each.source_volume or ""].mount
        yield msgspec.structs.replace(found, target=each.container_path or "", read_only=bool(each.read_only))


def _volume(definition: shapes.TaskDefinition, volume: shapes.Volume, index: int, task: str) -> Held:
    name = volume.name or ""
    if any(getattr(volume, member) for member in UNSUPPORTED):
        raise Untranslatable(f"HostConfigError: volume {name} is of a kind that is not supported here")
    if volume.host is not None and volume.host.source_path:
        return Held(Mount(volume.host.source_path, "", kind="bind"), of_task=False)
    docker = volume.docker_volume_configuration or shapes.DockerVolumeConfiguration()
    shared = docker.scope == "shared"
    source = name if shared else unique_name(definition, name, index, task)
    made = Volume(
        driver=docker.driver or "local",
        options=docker.driver_opts or {},
        labels=docker.labels or {},
        must_exist=shared and not docker.autoprovision,
    )
    return Held(Mount(source, "", kind="volume", volume=None if made == Volume() else made), of_task=not shared)
