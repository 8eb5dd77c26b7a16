"""Settings: what an operator may set, read once where a program starts, into one frozen Struct.

Later wins: the default, the file (TOML), the environment (``QUARTERDECK_NATS_PORT=4333``), the options of the command.
A name nobody knows is refused wherever it stands: a setting that is misspelled would otherwise be ignored.
"""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from quarterdeck.engine.api.settings import ApiSettings, ApiSettingsError, Mode, check
from quarterdeck.engine.api.throttle import Rate
from quarterdeck.engine.core.hook_target import LOOPBACK
from quarterdeck.engine.core.quota import Quotas
from quarterdeck.events.names import ACCOUNT, DEFAULT_ACCOUNT, DEFAULT_REGION, REGION, Namespace

PREFIX = "QUARTERDECK_"
SECRETS_KEY = "secrets.key"
CONFIG = "CONFIG"
UNIX = "unix://"
INSTANCES_MAX = 200
ZONES_MAX = 26
PORT_MAX = 65535
QUOTAS = Quotas()
QUOTA_NAMES = ("quota_clusters", "quota_instances", "quota_services")
NOT_NEGATIVE = ("stats_interval", "image_unused", "images_kept", "reserved_memory", "keep_stopped", "stop_timeout")

RuntimeName = Literal["auto", "docker", "process", "simulated"]
PullBehavior = Literal["default", "always", "once", "prefer-cached"]
LogFormat = Literal["auto", "console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]


class SettingsError(Exception):
    """A setting that can't be used; says where it stands and what it may be."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of all commands; each takes those that concern it. Seconds, MiB, CPU units (1024 a core).

    data           where everything is kept
    listen         host:port of the HTTP server; port 0 picks a free one
    nats_port      port of the embedded NATS server; 0 picks a free one
    nats, creds    a NATS server that is not ours, and a credentials file for it
    monitors       monitoring URLs of those servers, which confirm that every write is synced
    lost_after     an agent gone this long has its services' tasks replaced elsewhere; 0 is never
    healthy_after  a new task without health checks runs this long before an old one goes for it (`up` 0, engine 40)
    quota_clusters, quota_instances, quota_services  how many clusters there may be, and of the others in each cluster
    hook_hosts     hosts, or host:port, that lifecycle hooks may be at (`*` stands for anything); default is loopback
    publish        address on which containers publish ports; empty is loopback for `up`, all for an agent
    keep_logs_days, keep_logs_mib  how long an agent keeps the logs of removed containers, and how much of all together
    store_logs_mib, store_logs_days  logs go to an object store on NATS too, of that size (0: they do not) and age
    store_logs_interval  seconds between two looks of an agent for more that running containers wrote
    auth           who may use the ECS API over HTTP: `keys` (signed requests) or `open` (everybody, for tests and CI)
    open_anywhere  lets `open` listen where other machines reach it
    throttle       whether calls are counted as ECS does (default: with `keys`); `rates` resizes buckets, by category
    secrets_key    file with the key of the secrets (default: in the data directory); all replicas need the same
    certificate, private_key  PEM files: HTTP becomes HTTPS
    instances      how many container instances `up` runs here, in how many zones
    image_pull_behavior  as ECS_IMAGE_PULL_BEHAVIOR; empty is `default` for an agent, `prefer-cached` for `up`
    registry_auth  a Docker config.json with the credentials of private registries
    image_unused, images_kept  images an agent pulled are removed when unused this long, but for this many
    reserved_memory, reserved_ports  what an agent keeps from tasks of its host
    keep_stopped   how long the containers of a STOPPED task are kept
    subnets        those of an agent's zone, name=CIDR (none: any subnet is there, in a range Docker chooses)
    env_files      folder of the host whose files environmentFiles may name: arn:aws:s3:::BUCKET/KEY is BUCKET/KEY there
    introspection_port  where an agent tells its host of itself (51678 on ECS's); 0 is nowhere
    stats_interval  seconds between two looks of an agent at what containers use; 0 never looks
    stop_timeout   from SIGTERM to SIGKILL, where a container definition says nothing
    """

    data: Path
    listen: str = "127.0.0.1:4280"
    auth: Mode = "keys"
    open_anywhere: bool = False
    throttle: bool | None = None
    rates: dict[str, Rate] = {}
    secrets_key: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    nats_port: int = 4222
    nats: str = ""
    creds: Path | None = None
    monitors: tuple[str, ...] = ()
    replicas: int = 1
    durable: bool = True
    region: str = DEFAULT_REGION
    account: str = DEFAULT_ACCOUNT
    node: str = ""
    lost_after: float = 60.0
    healthy_after: float | None = None
    quota_clusters: int = QUOTAS.clusters
    quota_instances: int = QUOTAS.instances
    quota_services: int = QUOTAS.services
    hook_hosts: tuple[str, ...] = LOOPBACK
    heartbeat_timeout: float = 5.0
    instances: int = 4
    zones: int = 2
    agents: bool = True
    runtime: RuntimeName = "auto"
    stop_tasks: bool = False
    cluster: str = ""
    zone: str = ""
    instance_type: str = "quarterdeck.local"
    cpu: int | None = None
    memory: int | None = None
    attributes: dict[str, str] = {}
    docker_socket: str = "/var/run/docker.sock"
    publish: str = ""
    keep_logs_days: float = 7.0
    keep_logs_mib: int = 512
    store_logs_mib: int = 0
    store_logs_days: float = 7.0
    store_logs_interval: float = 30.0
    image_pull_behavior: PullBehavior | None = None
    registry_auth: str = ""
    image_unused: float | None = None
    images_kept: int | None = None
    reserved_memory: int | None = None
    reserved_ports: tuple[int, ...] | None = None
    keep_stopped: float | None = None
    stop_timeout: float | None = None
    subnets: dict[str, str] = {}
    env_files: str = ""
    introspection_port: int = 0
    stats_interval: float = 20.0
    log_level: LogLevel = "info"
    log_format: LogFormat = "auto"

    @property
    def namespace(self) -> Namespace:
        """The region and account of everything here."""
        return Namespace(self.region, self.account)

    @property
    def quotas(self) -> Quotas:
        """How many of each thing there may be."""
        return Quotas(clusters=self.quota_clusters, instances=self.quota_instances, services=self.quota_services)

    @property
    def api(self) -> ApiSettings:
        """What concerns the ECS API over HTTP."""
        taken = {name: getattr(self, name) for name in ApiSettings.__struct_fields__}
        return ApiSettings(**taken)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the HTTP server."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def endpoint(self) -> str:
        """URL of the HTTP server, as others on this machine reach it."""
        return f"http://{self.listen}"

    @property
    def node_name(self) -> str:
        """What this machine is called."""
        return self.node or socket.gethostname()


def read(environ: Mapping[str, str], options: Mapping[str, object], config: Path | None = None) -> Settings:
    """Put settings together from the file, the environment and a command's options (None: not given).

    Raises SettingsError.
    """
    environment = {
        name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)
    }
    named = environment.pop(CONFIG.lower(), None)
    values: dict[str, object] = {"data": default_data(environ)}
    if environ.get("AWS_REGION"):
        values["region"] = environ["AWS_REGION"]
    if environ.get("DOCKER_HOST", "").startswith(UNIX):
        values["docker_socket"] = environ["DOCKER_HOST"].removeprefix(UNIX)
    path = config or (Path(named) if named else None)
    if path is not None or default_config(environ).exists():
        values |= _from_file(path or default_config(environ))
    values |= _from_environment(environment)
    values |= {name: value for name, value in options.items() if value is not None}
    settings = _convert(values, "the settings")
    _check(settings)
    return settings


def default_data(environ: Mapping[str, str]) -> Path:
    """Name the user's state directory of Quarterdeck (XDG)."""
    state = environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "quarterdeck"


def default_config(environ: Mapping[str, str]) -> Path:
    """Name the user's configuration file, which need not exist (XDG)."""
    home = environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "quarterdeck" / "config.toml"


def _from_file(path: Path) -> dict[str, object]:
    try:
        values: dict[str, object] = msgspec.toml.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise SettingsError(f"The configuration {path} can't be read: {error.strerror}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingsError(f"The configuration {path} is not TOML: {error}.") from error
    _convert({"data": Path(), **values}, str(path))
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, text in environment.items():
        if name in {"attributes", "subnets"}:
            values[name] = pairs(text.split(",") if text else [])
        elif name in {"monitors", "reserved_ports", "hook_hosts"}:
            values[name] = text.split(",") if text else []
        else:
            values[name] = text
    _convert({"data": Path(), **values}, f"the environment ({PREFIX}…)")
    return values


def pairs(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Read ``name=value`` texts. Raises SettingsError."""
    wrong = [text for text in texts if "=" not in text or text.startswith("=")]
    if wrong:
        raise SettingsError(f"{wrong[0]!r} is not name=value.")
    return dict(text.split("=", 1) for text in texts)


def _convert(values: Mapping[str, object], where: str) -> Settings:
    try:
        return msgspec.convert(dict(values), Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        known = ", ".join(Settings.__struct_fields__)
        hint = f" Known are {known}." if "unknown field" in str(error) else ""
        raise SettingsError(f"In {where}: {error}.{hint}") from error


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str | Path):
        return Path(value).expanduser()
    raise NotImplementedError


def _check(settings: Settings) -> None:
    host, _, port = settings.listen.rpartition(":")
    rules = {
        "listen must be host:port": bool(host) and port.isdigit() and int(port) <= PORT_MAX,
        f"nats_port must be from 0 to {PORT_MAX}": 0 <= settings.nats_port <= PORT_MAX,
        f"introspection_port must be from 0 to {PORT_MAX}": 0 <= settings.introspection_port <= PORT_MAX,
        f"instances must be from 1 to {INSTANCES_MAX}": 1 <= settings.instances <= INSTANCES_MAX,
        f"zones must be from 1 to {ZONES_MAX}": 1 <= settings.zones <= ZONES_MAX,
        "lost_after must not be negative": settings.lost_after >= 0,
        **{f"{name} must be more than 0": getattr(settings, name) > 0 for name in QUOTA_NAMES},
        "hook_hosts must be host or host:port": all(each and "/" not in each for each in settings.hook_hosts),
        "healthy_after must not be negative": (settings.healthy_after or 0.0) >= 0,
        "heartbeat_timeout must be more than 0": settings.heartbeat_timeout > 0,
        "account must be 12 digits": ACCOUNT.fullmatch(settings.account) is not None,
        "region must be spelled as AWS spells regions (us-east-1)": REGION.fullmatch(settings.region) is not None,
        "cpu must be more than 0": settings.cpu is None or settings.cpu > 0,
        "keep_logs_days must not be negative": settings.keep_logs_days >= 0,
        "keep_logs_mib must not be negative": settings.keep_logs_mib >= 0,
        "store_logs_mib must not be negative": settings.store_logs_mib >= 0,
        "store_logs_days must be more than 0": settings.store_logs_days > 0,
        "store_logs_interval must be more than 0": settings.store_logs_interval > 0,
        "memory must be more than 0": settings.memory is None or settings.memory > 0,
        **{f"{name} must not be negative": (getattr(settings, name) or 0) >= 0 for name in NOT_NEGATIVE},
    }
    for rule, holds in rules.items():
        if not holds:
            raise SettingsError(f"{rule}.")
    try:
        check(settings.api)
    except ApiSettingsError as error:
        raise SettingsError(str(error)) from error
