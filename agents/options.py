"""Options: what a task definition asks of a container engine for one container. Pure (spec §5.2, §5.3)."""

from collections.abc import Iterator
from typing import NamedTuple

from quarterdeck.agents.runtimes.options import Device, Options, Tmpfs, Ulimit
from quarterdeck.events import shapes

PERMISSIONS = {"read": "r", "write": "w", "mknod": "m"}


class Family(NamedTuple):
    """The containers of one task: what the runtime calls them, and whose namespaces the others share."""

    names: dict[str, str]
    anchor: str


def options(definition: shapes.TaskDefinition, container: shapes.ContainerDefinition, family: Family) -> Options:
    """Gather them."""
    linux = container.linux_parameters or shapes.LinuxParameters()
    capabilities = linux.capabilities or shapes.KernelCapabilities()
    return Options(
        privileged=bool(container.privileged),
        capabilities_added=tuple(capabilities.add or ()),
        capabilities_dropped=tuple(capabilities.drop or ()),
        security_options=tuple(container.docker_security_options or ()),
        read_only_root=bool(container.readonly_root_filesystem),
        init=bool(linux.init_process_enabled),
        interactive=bool(container.interactive),
        pseudo_terminal=bool(container.pseudo_terminal),
        networking_disabled=bool(container.disable_networking),
        devices=tuple(_device(each) for each in linux.devices or ()),
        tmpfs=tuple(_tmpfs(each) for each in linux.tmpfs or ()),
        shared_memory_mib=linux.shared_memory_size,
        swap_mib=linux.max_swap,
        # ECS: without maxSwap the swappiness is ignored.
        swappiness=linux.swappiness if linux.max_swap is not None else None,
        ulimits=tuple(
            Ulimit(each.name or "", each.soft_limit or 0, each.hard_limit or 0) for each in _ulimits(container)
        ),
        system_controls={each.namespace or "": each.value or "" for each in container.system_controls or ()},
        dns_servers=tuple(container.dns_servers or ()),
        dns_search_domains=tuple(container.dns_search_domains or ()),
        extra_hosts=tuple((each.hostname or "", each.ip_address or "") for each in container.extra_hosts or ()),
        links=tuple((family.names[name], alias or name) for name, alias in links(container)),
        volumes_from=tuple(
            (family.names[each.source_container or ""], bool(each.read_only)) for each in container.volumes_from or ()
        ),
        pid_mode=_namespace(definition.pid_mode, container, family, first=""),
        ipc_mode=_namespace(definition.ipc_mode, container, family, first="shareable"),
    )


def needed(container: shapes.ContainerDefinition) -> Iterator[str]:
    """Name the containers that must run before this one for its options' sake."""
    yield from (name for name, _ in links(container))
    yield from (each.source_container or "" for each in container.volumes_from or ())


def anchor(definition: shapes.TaskDefinition) -> str | None:
    """Name the container whose namespaces the others share with pidMode or ipcMode ``task``, None if none can be.

    Its end has to be the task's, and it has to come first.
    """
    for each in definition.container_definitions or ():
        if each.essential is not False and not each.depends_on and not list(needed(each)):
            return each.name or ""
    return None


def links(container: shapes.ContainerDefinition) -> Iterator[tuple[str, str]]:
    """The containers linked, each with its alias, if it has one."""
    for each in container.links or ():
        name, _, alias = each.partition(":")
        yield name, alias


def _ulimits(container: shapes.ContainerDefinition) -> list[shapes.Ulimit]:
    return container.ulimits or []


def _device(device: shapes.Device) -> Device:
    source = device.host_path or ""
    permissions = "".join(PERMISSIONS.get(each, "") for each in device.permissions or PERMISSIONS)
    return Device(source, device.container_path or source, permissions)


def _tmpfs(tmpfs: shapes.Tmpfs) -> Tmpfs:
    return Tmpfs(tmpfs.container_path or "", tmpfs.size or 0, tuple(tmpfs.mount_options or ()))


def _namespace(mode: str | None, container: shapes.ContainerDefinition, family: Family, first: str) -> str:
    """``first`` is what the container gets that the others join."""
    if mode != "task":
        return mode or ""
    return first if container.name == family.anchor else f"container:{family.names[family.anchor]}"
