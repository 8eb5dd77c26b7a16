"""Options: their part of Docker's HostConfig. Pure."""

from typing import Any

from quarterdeck.agents.runtimes.docker import requests
from quarterdeck.agents.runtimes.options import Options, Tmpfs

BYTES_PER_MIB = 1 << 20


def host_options(options: Options, memory_mib: int | None) -> dict[str, Any]:
    """Members of a HostConfigRequest; ``memory_mib`` is the container's limit, which the one with swap includes."""
    return {
        "privileged": options.privileged,
        "cap_add": options.capabilities_added,
        "cap_drop": options.capabilities_dropped,
        "security_opt": options.security_options,
        "readonly_rootfs": options.read_only_root,
        "init": True if options.init else None,
        "devices": tuple(requests.Device(each.source, each.target, each.permissions) for each in options.devices),
        "tmpfs": {each.target: _tmpfs(each) for each in options.tmpfs},
        "shm_size": (options.shared_memory_mib or 0) * BYTES_PER_MIB,
        "memory_swap": _memory_swap(options.swap_mib, memory_mib),
        "memory_swappiness": options.swappiness,
        "ulimits": tuple(requests.Ulimit(each.name, each.soft, each.hard) for each in options.ulimits),
        "sysctls": options.system_controls,
        "dns": options.dns_servers,
        "dns_search": options.dns_search_domains,
        "extra_hosts": tuple(f"{name}:{address}" for name, address in options.extra_hosts),
        "links": tuple(f"{name}:{alias}" for name, alias in options.links),
        "volumes_from": tuple(f"{name}:{'ro' if read_only else 'rw'}" for name, read_only in options.volumes_from),
        "pid_mode": options.pid_mode,
        "ipc_mode": options.ipc_mode,
    }


def _memory_swap(swap_mib: int | None, memory_mib: int | None) -> int:
    """Docker counts memory and swap together, and only beside a limit of memory; 0 leaves it to Docker."""
    if swap_mib is None or not memory_mib:
        return 0
    return (memory_mib + swap_mib) * BYTES_PER_MIB


def _tmpfs(tmpfs: Tmpfs) -> str:
    return ",".join((f"size={tmpfs.size_mib}m", *tmpfs.options))
