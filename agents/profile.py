"""Profile: what an agent registers its container instance with (spec §4.2 to §4.4)."""

import msgspec

from quarterdeck.agents.identity import Identity
from quarterdeck.agents.runtimes.port import RuntimeInfo
from quarterdeck.agents.settings import Settings
from quarterdeck.events import shapes

CAPABILITY = "com.amazonaws.ecs.capability."
ECS_CAPABILITY = "ecs.capability."
HOST_ATTRIBUTE = "quarterdeck.host"
SUBNETS_ATTRIBUTE = "quarterdeck.subnets"
SESSION_ATTRIBUTE = "quarterdeck.session"
ORIGIN_ATTRIBUTE = "quarterdeck.origin"
DOCKER_API_MIN = 17
DOCKER_API_STANDARD = 41
"""What runtimes without a Docker API stand in for, so that ordinary task definitions can be placed on them."""
SECRET_TARGETS = ("environment-variables", "bootstrap.log-driver")
DOCKER_ONLY = (
    f"{CAPABILITY}privileged-container",
    f"{ECS_CAPABILITY}network.container-port-range",
    f"{ECS_CAPABILITY}pid-ipc-namespace-sharing",
    f"{ECS_CAPABILITY}task-eni",
)
ROLES = (
    f"{CAPABILITY}task-iam-role",
    f"{CAPABILITY}task-iam-role-network-host",
    f"{ECS_CAPABILITY}execution-role-awslogs",
    f"{ECS_CAPABILITY}execution-role-ecr-pull",
)
"""Roles are names on machines of one's own: a task that has one is placed, and gets no credentials of AWS for it."""
ARCHITECTURES = {"amd64": "x86_64", "aarch64": "arm64"}


class _Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The parts of an EC2 instance identity document there are here."""

    instance_id: str
    instance_type: str
    availability_zone: str = ""
    region: str
    account_id: str
    architecture: str


def registration(
    settings: Settings, identity: Identity, info: RuntimeInfo, session: str, origin: str = ""
) -> shapes.RegisterContainerInstanceRequest:
    """Describe the instance; custom attributes are only told the first time, as ECS agents do.

    ``origin`` tells the agent's data directory from copies of it.
    """
    first = not identity.container_instance_arn
    attributes = {
        **(settings.attributes if first else {}),
        **dict.fromkeys(capabilities(info), ""),
        **({f"{ECS_CAPABILITY}env-files.s3": ""} if settings.env_files else {}),
        **({SUBNETS_ATTRIBUTE: ",".join(sorted(settings.subnets))} if settings.subnets else {}),
        HOST_ATTRIBUTE: settings.host,
        SESSION_ATTRIBUTE: session,
        **({ORIGIN_ATTRIBUTE: origin} if origin else {}),
    }
    return shapes.RegisterContainerInstanceRequest(
        cluster=settings.cluster_name,
        container_instance_arn=identity.container_instance_arn or None,
        instance_identity_document=document(settings, identity),
        total_resources=resources(settings, info),
        version_info=shapes.VersionInfo(
            agent_version=settings.agent_version, docker_version=f"{info.name.capitalize()}Version: {info.version}"
        ),
        attributes=[shapes.Attribute(name=name, value=value or None) for name, value in attributes.items()],
    )


def document(settings: Settings, identity: Identity) -> str:
    """Write the identity document, as EC2 would, unsigned."""
    architecture = ARCHITECTURES.get(settings.architecture, settings.architecture)
    written = _Document(
        instance_id=identity.instance_id,
        instance_type=settings.instance_type,
        availability_zone=settings.zone,
        region=settings.region,
        account_id=settings.account,
        architecture=architecture,
    )
    return msgspec.json.encode(written).decode()


def resources(settings: Settings, info: RuntimeInfo) -> list[shapes.Resource]:
    """List what tasks may take: CPU units, MiB, and the ports they may not."""
    cpu = info.cpu if settings.cpu is None else settings.cpu
    memory = info.memory_mib if settings.memory_mib is None else settings.memory_mib
    return [
        shapes.Resource(name="CPU", type="INTEGER", integer_value=cpu),
        shapes.Resource(name="MEMORY", type="INTEGER", integer_value=max(0, memory - settings.reserved_memory_mib)),
        shapes.Resource(name="PORTS", type="STRINGSET", string_set_value=_texts(settings.reserved_ports)),
        shapes.Resource(name="PORTS_UDP", type="STRINGSET", string_set_value=_texts(settings.reserved_udp_ports)),
    ]


def capabilities(info: RuntimeInfo) -> list[str]:
    """Name what is carried out here, and nothing else: the engine places by it."""
    newest = int(info.api_version.rpartition(".")[2]) if info.api_version else DOCKER_API_STANDARD
    return [
        *(f"{CAPABILITY}docker-remote-api.1.{minor}" for minor in range(DOCKER_API_MIN, newest + 1)),
        *(f"{CAPABILITY}logging-driver.{driver}" for driver in info.log_drivers),
        *(f"{CAPABILITY}docker-plugin.{driver}" for driver in info.volume_drivers),
        *(DOCKER_ONLY if info.name != "process" else ()),
        *((f"{ECS_CAPABILITY}task-cpu-mem-limit",) if info.bounds_tasks else ()),
        *ROLES,
        f"{ECS_CAPABILITY}docker-volume-driver.local",
        f"{ECS_CAPABILITY}container-ordering",
        *(f"{ECS_CAPABILITY}secrets.{store}.{target}" for store in ("asm", "ssm") for target in SECRET_TARGETS),
        f"{ECS_CAPABILITY}private-registry-authentication.secretsmanager",
        f"{ECS_CAPABILITY}container-health-check",
        f"{ECS_CAPABILITY}container-restart-policy",
    ]


def _texts(ports: tuple[int, ...]) -> list[str]:
    return [str(port) for port in ports]
