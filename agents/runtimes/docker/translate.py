"""Translate: between the runtime's values and Docker's JSON. Pure."""

import datetime as dt

from quarterdeck.agents.runtimes.docker import requests, wire
from quarterdeck.agents.runtimes.docker.options import BYTES_PER_MIB, host_options
from quarterdeck.agents.runtimes.errors import CannotCreateContainerError
from quarterdeck.agents.runtimes.health import Health, HealthCheck
from quarterdeck.agents.runtimes.port import (
    OUT_OF_MEMORY,
    Container,
    ContainerSpec,
    ContainerState,
    Mount,
    PortMapping,
    TaskBounds,
    Volume,
)

NANO_CPUS_PER_CPU = 1_000_000_000
NANOSECONDS_PER_SECOND = 1_000_000_000
DEFAULT_TAG = "latest"

STATES: dict[str, ContainerState] = {
    "created": "created",
    "running": "running",
    "paused": "running",
    "restarting": "running",
    "removing": "exited",
    "exited": "exited",
    "dead": "exited",
}
HEALTH: dict[str, Health] = {"starting": "UNKNOWN", "healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}
EVENT_FACTS = frozenset({"image", "name", "exitCode", "execDuration"})
"""What Docker mixes into the labels of an event's actor."""


def create_request(spec: ContainerSpec, cgroup_parent: str = "") -> requests.CreateRequest:
    """The body that creates such a container. Raises CannotCreateContainerError for a bad mount.

    Where a cgroup bounds its task, the container has no more limits than its own.
    """
    return requests.CreateRequest(
        image=spec.image,
        host_config=_host_config(spec, cgroup_parent),
        labels=spec.labels,
        cmd=spec.command,
        entrypoint=spec.entry_point,
        env=tuple(f"{name}={value}" for name, value in spec.environment.items()),
        exposed_ports={_port_key(port): {} for port in spec.ports} if not spec.network_of else {},
        user=spec.user or "",
        working_dir=spec.working_directory or "",
        hostname=spec.hostname or "",
        healthcheck=_health_check(spec.health_check),
        open_stdin=spec.options.interactive,
        tty=spec.options.pseudo_terminal,
        network_disabled=spec.options.networking_disabled,
    )


def _health_check(check: HealthCheck | None) -> requests.HealthConfig | None:
    if check is None:
        return None
    return requests.HealthConfig(
        test=check.command,
        interval=round(check.interval_seconds * NANOSECONDS_PER_SECOND),
        timeout=round(check.timeout_seconds * NANOSECONDS_PER_SECOND),
        retries=check.retries,
        start_period=round(check.start_period_seconds * NANOSECONDS_PER_SECOND),
    )


def _host_config(spec: ContainerSpec, cgroup_parent: str) -> requests.HostConfigRequest:
    bounds = spec.bounds if spec.bounds is not None and not cgroup_parent else TaskBounds("")
    memory_mib = spec.memory_mib or bounds.memory_mib
    return requests.HostConfigRequest(
        **host_options(spec.options, memory_mib),
        cgroup_parent=cgroup_parent,
        network_mode=_network_mode(spec),
        binds=tuple(_bind(mount) for mount in spec.mounts),
        port_bindings=_port_bindings(spec) if _network_mode(spec) == "bridge" else {},
        cpu_shares=spec.cpu_shares,
        nano_cpus=round((spec.cpu_limit or bounds.cpu_limit or 0) * NANO_CPUS_PER_CPU),
        memory=(memory_mib or 0) * BYTES_PER_MIB,
        memory_reservation=(spec.memory_reservation_mib or 0) * BYTES_PER_MIB,
        log_config=wire.LogConfig(spec.log_driver, spec.log_options) if spec.log_driver else None,
    )


def _network_mode(spec: ContainerSpec) -> str:
    return f"container:{spec.network_of}" if spec.network_of else spec.network or spec.network_mode


def _port_key(port: PortMapping) -> str:
    return f"{port.container_port}/{port.protocol}"


def _port_bindings(spec: ContainerSpec) -> dict[str, tuple[wire.PortBinding, ...]]:
    bindings: dict[str, tuple[wire.PortBinding, ...]] = {}
    for port in spec.ports:
        host_port = str(port.host_port) if port.host_port else ""
        binding = wire.PortBinding(port.bind_address, host_port)
        bindings[_port_key(port)] = (*bindings.get(_port_key(port), ()), binding)
    return bindings


def _bind(mount: Mount) -> str:
    """``source:target[:ro]``; of Docker's two forms, the one that makes a missing host directory."""
    if (mount.kind == "bind") != mount.source.startswith("/") or ":" in mount.source + mount.target:
        raise CannotCreateContainerError(f"invalid {mount.kind} mount from {mount.source!r} to {mount.target!r}")
    return f"{mount.source}:{mount.target}" + (":ro" if mount.read_only else "")


def volume_request(mount: Mount) -> requests.VolumeRequest:
    """The body that makes the volume of a mount, if it is not there."""
    volume = mount.volume or Volume()
    return requests.VolumeRequest(mount.source, volume.driver, volume.options, volume.labels)


def container(inspected: wire.Inspected, image_digest: str) -> Container:
    """What an inspection says.

    Of a container that runs, and whose start was for a daemon that was killed meanwhile, its successor never learns
    since when: it calls it created again once it has ended. It began at its creation, as far as can be known.
    """
    state = _state(inspected.state)
    return Container(
        id=inspected.id,
        name=inspected.name.removeprefix("/"),
        labels=inspected.config.labels or {},
        state=state,
        image=inspected.config.image,
        image_digest=image_digest or None,
        exit_code=inspected.state.exit_code if state == "exited" else None,
        reason=_reason(inspected.state) if state == "exited" else None,
        started_at=_seconds(inspected.state.started_at)
        or (_seconds(inspected.created) if state == "running" else None),
        finished_at=_seconds(inspected.state.finished_at) if state == "exited" else None,
        ports=_ports(inspected) if state == "running" else (),
        oom_killed=inspected.state.oom_killed,
        image_id=inspected.image,
        created_at=_seconds(inspected.created),
        addresses=_addresses(inspected.network_settings) if state == "running" else (),
        mac_address=_mac(inspected.network_settings) if state == "running" else "",
        health=_health(inspected.state) if state == "running" else None,
    )


def listed(summary: wire.Summary) -> Container:
    """What the daemon's list says of a container that it can't show."""
    return Container(
        id=summary.id,
        name=next(iter(summary.names or ()), "").removeprefix("/"),
        labels=summary.labels or {},
        state=STATES.get(summary.state, "exited"),
        image=summary.image,
        created_at=float(summary.created),
    )


def _state(state: wire.State) -> ContainerState:
    found = STATES.get(state.status, "exited")
    return "exited" if found == "created" and _seconds(state.finished_at) else found


def _addresses(settings: wire.NetworkSettings) -> tuple[str, ...]:
    return tuple(each.ip_address for each in (settings.networks or {}).values() if each.ip_address)


def _mac(settings: wire.NetworkSettings) -> str:
    return next((each.mac_address for each in (settings.networks or {}).values()), "")


def _reason(state: wire.State) -> str | None:
    return OUT_OF_MEMORY if state.oom_killed else state.error or None


def _health(state: wire.State) -> Health | None:
    return HEALTH.get(state.health.status) if state.health is not None else None


def _seconds(moment: dt.datetime) -> float | None:
    return moment.timestamp() if moment.year > 1 else None


def _ports(inspected: wire.Inspected) -> tuple[PortMapping, ...]:
    if inspected.host_config.network_mode == "host":
        exposed = [_split(key) for key in inspected.config.exposed_ports or {}]
        return tuple(PortMapping(port, port, protocol) for port, protocol in sorted(exposed))
    bound = (
        PortMapping(port, int(binding.host_port), protocol, binding.host_ip)
        for key, bindings in (inspected.network_settings.ports or {}).items()
        for port, protocol in [_split(key)]
        for binding in bindings or ()
        if binding.host_port
    )
    return tuple(sorted(bound, key=lambda port: (port.container_port, port.host_port)))


def _split(key: str) -> tuple[int, str]:
    port, _, protocol = key.partition("/")
    return int(port), protocol or "tcp"


def event_labels(event: wire.Event) -> dict[str, str]:
    """The labels of the container an event is about."""
    attributes = event.actor.attributes
    return {name: value for name, value in attributes.items() if name not in EVENT_FACTS}


def image_reference(image: str) -> tuple[str, str]:
    """Repository and tag (or digest) to pull; a pull without a tag would bring all of them."""
    repository, at, digest = image.partition("@")
    if at:
        return repository, digest
    head, colon, tag = image.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (image, DEFAULT_TAG)
