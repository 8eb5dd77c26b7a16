"""Parameters: every member of a task definition, what is asked with it, and where Docker shows what came of it.

A row is a member by its path in ECS's JSON, a value, a path in the answer of ``docker inspect``, and the value there.
``{data}`` stands for the name of the container called data. Rows of one table are asked of one container together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

MIB = 1 << 20
NANOSECONDS = 1_000_000_000


class Row(NamedTuple):
    member: str
    asked: Any
    path: str
    found: Any
    cgroup_version: str = ""
    """Whether only daemons on cgroups of that version know it."""


APP: list[Row] = [
    Row("name", "app", "Config.Labels.com.amazonaws.ecs.container-name", "app"),
    Row("image", "quarterdeck-test/busybox:1", "Config.Image", "quarterdeck-test/busybox:1"),
    Row("entryPoint", ["sh", "-c"], "Config.Entrypoint", ["sh", "-c"]),
    Row("command", ["sleep 1000"], "Config.Cmd", ["sleep 1000"]),
    Row(
        "environment",
        [{"name": "A", "value": "1"}, {"name": "PATH", "value": "/bin"}],
        "Config.Env",
        ["A=1", "PATH=/bin"],
    ),
    Row("cpu", 128, "HostConfig.CpuShares", 128),
    Row("memory", 64, "HostConfig.Memory", 64 * MIB),
    Row("memoryReservation", 32, "HostConfig.MemoryReservation", 32 * MIB),
    Row("user", "65534:65534", "Config.User", "65534:65534"),
    Row("workingDirectory", "/tmp", "Config.WorkingDir", "/tmp"),
    Row("hostname", "apphost", "Config.Hostname", "apphost"),
    Row("interactive", True, "Config.OpenStdin", True),
    Row("pseudoTerminal", True, "Config.Tty", True),
    Row("readonlyRootFilesystem", True, "HostConfig.ReadonlyRootfs", True),
    Row("dockerLabels", {"colour": "red"}, "Config.Labels.colour", "red"),
    Row("dockerSecurityOptions", ["no-new-privileges"], "HostConfig.SecurityOpt", ["no-new-privileges"]),
    Row("dnsServers", ["192.0.2.53"], "HostConfig.Dns", ["192.0.2.53"]),
    Row("dnsSearchDomains", ["example.org"], "HostConfig.DnsSearch", ["example.org"]),
    Row(
        "extraHosts",
        [{"hostname": "db.example", "ipAddress": "192.0.2.7"}],
        "HostConfig.ExtraHosts",
        ["db.example:192.0.2.7"],
    ),
    Row(
        "ulimits",
        [{"name": "nofile", "softLimit": 512, "hardLimit": 1024}],
        "HostConfig.Ulimits",
        [{"Name": "nofile", "Soft": 512, "Hard": 1024}],
    ),
    Row(
        "systemControls",
        [{"namespace": "net.core.somaxconn", "value": "64"}],
        "HostConfig.Sysctls",
        {"net.core.somaxconn": "64"},
    ),
    Row("linuxParameters.capabilities.add", ["SYS_PTRACE"], "HostConfig.CapAdd", ["SYS_PTRACE"]),
    Row("linuxParameters.capabilities.drop", ["NET_RAW"], "HostConfig.CapDrop", ["NET_RAW"]),
    Row(
        "linuxParameters.devices",
        [{"hostPath": "/dev/null", "containerPath": "/dev/nothing", "permissions": ["read", "write"]}],
        "HostConfig.Devices",
        [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/nothing", "CgroupPermissions": "rw"}],
    ),
    Row("linuxParameters.initProcessEnabled", True, "HostConfig.Init", True),
    Row("linuxParameters.sharedMemorySize", 16, "HostConfig.ShmSize", 16 * MIB),
    Row(
        "linuxParameters.tmpfs",
        [{"containerPath": "/scratch", "size": 8, "mountOptions": ["noexec"]}],
        "HostConfig.Tmpfs",
        {"/scratch": "size=8m,noexec"},
    ),
    Row("linuxParameters.maxSwap", 32, "HostConfig.MemorySwap", 96 * MIB),
    Row("linuxParameters.swappiness", 10, "HostConfig.MemorySwappiness", 10, "1"),
    Row("healthCheck.command", ["CMD-SHELL", "true"], "Config.Healthcheck.Test", ["CMD-SHELL", "true"]),
    Row("healthCheck.interval", 5, "Config.Healthcheck.Interval", 5 * NANOSECONDS),
    Row("healthCheck.timeout", 2, "Config.Healthcheck.Timeout", 2 * NANOSECONDS),
    Row("healthCheck.retries", 4, "Config.Healthcheck.Retries", 4),
    Row("healthCheck.startPeriod", 7, "Config.Healthcheck.StartPeriod", 7 * NANOSECONDS),
    Row("logConfiguration.logDriver", "json-file", "HostConfig.LogConfig.Type", "json-file"),
    Row("logConfiguration.options", {"max-size": "1m"}, "HostConfig.LogConfig.Config", {"max-size": "1m"}),
    Row("links", ["data:store"], "HostConfig.Links", ["/{data}:/{app}/store"]),
    Row("volumesFrom", [{"sourceContainer": "data", "readOnly": True}], "HostConfig.VolumesFrom", ["{data}:ro"]),
    Row(
        "mountPoints",
        [
            {"sourceVolume": "host", "containerPath": "/host", "readOnly": True},
            {"sourceVolume": "own", "containerPath": "/own"},
        ],
        "HostConfig.Binds",
        ["{host}:/host:ro", "{own}:/own"],
    ),
    Row(
        "portMappings",
        [{"containerPort": 80, "protocol": "tcp"}, {"containerPort": 53, "hostPort": 0, "protocol": "udp"}],
        "Config.ExposedPorts",
        {"80/tcp": {}, "53/udp": {}},
    ),
]
"""A container with (nearly) all of it."""

CUT_OFF: list[Row] = [
    Row("name", "cut", "Config.Labels.com.amazonaws.ecs.container-name", "cut"),
    Row("disableNetworking", True, "Config.NetworkDisabled", True),
    Row("privileged", True, "HostConfig.Privileged", True),
    Row("linuxParameters.maxSwap", 0, "HostConfig.MemorySwap", 32 * MIB),
    Row("memory", 32, "HostConfig.Memory", 32 * MIB),
]
"""A container apart."""

# Of tasks, each with containers that ask for nothing.
HOST: list[Row] = [
    Row("networkMode", "host", "HostConfig.NetworkMode", "host"),
    Row("pidMode", "host", "HostConfig.PidMode", "host"),
    Row("ipcMode", "host", "HostConfig.IpcMode", "host"),
]
ALONE: list[Row] = [
    Row("networkMode", "none", "HostConfig.NetworkMode", "none"),
    Row("ipcMode", "none", "HostConfig.IpcMode", "none"),
]
TOGETHER: list[Row] = [
    Row("networkMode", "bridge", "HostConfig.NetworkMode", "bridge"),
    Row("pidMode", "task", "HostConfig.PidMode", "container:{first id}"),
    Row("ipcMode", "task", "HostConfig.IpcMode", "container:{first id}"),
    Row("family", "web", "Config.Labels.com.amazonaws.ecs.task-definition-family", "web"),
    Row("revision", 1, "Config.Labels.com.amazonaws.ecs.task-definition-version", "1"),
]
SIZED: list[Row] = [
    Row("cpu", "256", "HostConfig.CgroupParent", "/ecs/{task}"),
    Row("memory", "128", "HostConfig.CgroupParent", "/ecs/{task}"),
]
SIZED_EACH: list[Row] = [
    Row("cpu", "256", "HostConfig.NanoCpus", 250_000_000),
    Row("memory", "128", "HostConfig.Memory", 128 * MIB),
]
"""Where a daemon's cgroups can't hold a task together, each container is held by itself."""

ELSEWHERE = {
    "essential": "agents.decide",
    "dependsOn": "agents.decide",
    "startTimeout": "agents.decide",
    "stopTimeout": "agents.decide",
    "restartPolicy": "agents.decide",
    "versionConsistency": "of services",
    "environmentFiles": "agents.provision",
    "secrets": "agents.provision",
    "repositoryCredentials": "agents.provision",
    "resourceRequirements": "placement: RESOURCE:GPU",
    "firelensConfiguration": "attribute",
    "credentialSpecs": "attribute",
    "logConfiguration.secretOptions": "agents.provision",
    "containerDefinitions": "each of them",
    "volumes": "test_volumes",
    "taskRoleArn": "attribute",
    "executionRoleArn": "nothing is fetched in its name yet",
    "placementConstraints": "engine",
    "requiresCompatibilities": "engine",
    "runtimePlatform": "attribute",
    "requiresAttributes": "attribute",
    "compatibilities": "engine",
    "proxyConfiguration": "attribute",
    "inferenceAccelerators": "attribute",
    "ephemeralStorage": "Fargate only",
    "enableFaultInjection": "attribute",
    "trustedExecutionConfiguration": "managed instances only",
    "taskDefinitionArn": "description",
    "status": "description",
    "registeredAt": "description",
    "deregisteredAt": "description",
    "deleteRequestedAt": "description",
    "registeredBy": "description",
}
"""Members that Docker is not told of, and where they are dealt with."""


def asked(rows: list[Row]) -> dict[str, Any]:
    """A definition in ECS's JSON that asks for all rows."""
    made: dict[str, Any] = {}
    for row in rows:
        *folders, last = row.member.split(".")
        inside = made
        for folder in folders:
            inside = inside.setdefault(folder, {})
        inside[last] = row.asked
    return made


def at(inspected: Any, path: str) -> Any:
    """What is at a path; keys of labels have dots of their own."""
    head, _, rest = path.partition(".")
    if head == "Labels":
        return inspected[head][rest]
    return at(inspected[head], rest) if rest else inspected[head]


def filled(found: Any, names: dict[str, str]) -> Any:
    """With names in place of their braces."""
    if isinstance(found, str):
        for name, value in names.items():
            found = found.replace("{" + name + "}", value)
        return found
    return [filled(each, names) for each in found] if isinstance(found, list) else found
