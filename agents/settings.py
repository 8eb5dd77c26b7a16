"""Settings: what an agent is started with; a composition reads them once."""

from typing import Literal

import msgspec

from quarterdeck.events.names import DEFAULT_ACCOUNT, DEFAULT_CLUSTER, DEFAULT_REGION

RESERVED_PORTS = (22, 2375, 2376, 51678, 51679)
"""TCP ports the ECS agent keeps from tasks: SSH, Docker, and its own (spec §4.3)."""


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long an agent waits for what."""

    heartbeat_seconds: float = 1.0
    compare_seconds: float = 30.0
    """Between comparisons of all that runs with all that should."""
    stop_timeout_seconds: float = 30.0
    """From SIGTERM to SIGKILL, where a container definition says nothing."""
    keep_stopped_seconds: float = 10.0
    """How long the containers of a STOPPED task are kept."""
    pending_seconds: float = 10.0
    """After which containers that run are reported of a task that others hold up."""
    retry_seconds_min: float = 0.1
    retry_seconds_max: float = 5.0
    in_use_seconds_max: float = 20.0
    """How long to try to become an instance that another agent is."""
    leave_seconds_max: float = 2.0
    """For saying goodbye."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much an agent does at once."""

    starts_max: int = 8
    removals_max: int = 4
    reports_max: int = 64
    finished_max: int = 1024
    """Ended tasks whose last report is remembered, should the engine ask for them again."""
    readers_max: int = 256
    """Clients that read logs."""
    commands_max: int = 32
    """Sessions of ExecuteCommand."""


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what containers wrote is kept after they were removed."""

    container_bytes_max: int = 16 << 20
    """Of one container, its last part."""
    bytes_max: int = 512 << 20
    seconds_max: float = 7 * 86_400.0
    prune_seconds: float = 600.0
    """Between looks at what is too old or too much."""
    save_seconds_max: float = 60.0
    """For saving the logs of one container: its removal waits for it."""
    store_seconds: float = 0.0
    """Between looks for more that running containers wrote, to be stored elsewhere too; 0 stores nothing."""


PullBehavior = Literal["default", "always", "once", "prefer-cached"]
"""Of ECS_IMAGE_PULL_BEHAVIOR: ``default`` asks the registry each time and makes do with what is here if it must,
``always`` never makes do, ``once`` asks until this agent has pulled it, ``prefer-cached`` only if it is not here."""


class ImageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How images come and go; times and numbers are the ECS agent's."""

    pull_behavior: PullBehavior = "prefer-cached"
    auth_file: str = ""
    """A Docker ``config.json`` with the credentials of private registries."""
    attempts_max: int = 5
    retry_seconds_min: float = 1.1
    retry_seconds_max: float = 5.0
    pulls_max: int = 4
    """At once."""
    clean_seconds: float = 1800.0
    """Between two looks for unused images; 0 never looks. With prefer-cached nothing is removed, as in ECS."""
    unused_seconds_min: float = 3600.0
    """How long an image has to be unused to be removed."""
    kept_min: int = 0
    """So many unused images are kept, the last used."""
    removed_max: int = 5
    """In one look."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One agent: the container instance it is, and how it works.

    ``cluster`` empty means ``default``, which is then made if it is missing. ``cpu`` (units) and
    ``memory_mib`` None mean all that the runtime has; ``reserved_memory_mib`` is kept back of it.
    ``host`` is the machine's name: instances of one machine share its ports.
    """

    host: str
    cluster: str = ""
    region: str = DEFAULT_REGION
    account: str = DEFAULT_ACCOUNT
    zone: str = ""
    instance_type: str = "quarterdeck.local"
    architecture: str = "x86_64"
    cpu: int | None = None
    memory_mib: int | None = None
    reserved_memory_mib: int = 0
    reserved_ports: tuple[int, ...] = RESERVED_PORTS
    reserved_udp_ports: tuple[int, ...] = ()
    attributes: dict[str, str] = {}
    agent_version: str = "0"
    subnets: dict[str, str] = {}
    """The subnets of this zone, with their ranges (CIDR, empty: any); none: every subnet is here, of any range."""
    env_files: str = ""
    """The folder whose files environmentFiles may name; empty allows none."""
    endpoints: bool = False
    """Whether task metadata and introspection are served, on this host only."""
    introspection_port: int = 0
    """Where introspection is served besides; 0 is nowhere. The ECS agent's is 51678."""
    stats_seconds: float = 0.0
    """Between two looks at what containers use; 0 never looks."""
    timing: Timing = Timing()
    limits: Limits = Limits()
    keeping: Keeping = Keeping()
    images: ImageSettings = ImageSettings()

    @property
    def cluster_name(self) -> str:
        """The cluster, by name."""
        return self.cluster or DEFAULT_CLUSTER
