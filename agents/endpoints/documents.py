"""Documents: tasks and containers as the ECS agent's endpoints tell them (task metadata v4, introspection). Pure."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from quarterdeck.agents import labels, pause
from quarterdeck.agents.decide import why_ending
from quarterdeck.agents.plan import ContainerPlan
from quarterdeck.agents.report import execution_stopped_at, health
from quarterdeck.agents.runtimes.port import Container, TaskBounds
from quarterdeck.agents.task import Task
from quarterdeck.events.names import Namespace, container_uuid, parse_arn

KNOWN = {"created": "CREATED", "running": "RUNNING", "exited": "STOPPED"}
SERVICE = "service:"


def task_document(task: Task, zone: str) -> dict[str, Any]:
    """A task as ``${ECS_CONTAINER_METADATA_URI_V4}/task``; what is not known is left out."""
    definition = task.definition
    document: dict[str, Any] = {
        "Cluster": task.cluster,
        "TaskARN": task.arn,
        "Family": (definition.family if definition is not None else None) or "",
        "Revision": str((definition.revision if definition is not None else None) or ""),
        "DesiredStatus": desired(task),
        "KnownStatus": known(task),
        "Limits": _task_limits(task),
        "PullStartedAt": rfc3339(task.pull_started_at),
        "PullStoppedAt": rfc3339(task.pull_stopped_at),
        "ExecutionStoppedAt": rfc3339(execution_stopped_at(task)) if why_ending(task) is not None else None,
        "AvailabilityZone": zone,
        "LaunchType": "EC2",
        "FaultInjectionEnabled": bool(definition is not None and definition.enable_fault_injection),
        "ServiceName": task.group.removeprefix(SERVICE) if task.group.startswith(SERVICE) else None,
        "Containers": [container_document(task, plan.name) for plan in task.plan.told],
    }
    return {name: value for name, value in document.items() if value not in (None, {})}


def container_document(task: Task, name: str) -> dict[str, Any]:
    """A container as ``${ECS_CONTAINER_METADATA_URI_V4}``; one that was not created yet has no DockerId."""
    index, plan = next((n, each) for n, each in enumerate(task.plan.told) if each.name == name)
    found = task.containers.get(name)
    arn = parse_arn(task.arn)
    assert arn is not None, f"{task.arn} is no ARN"
    document: dict[str, Any] = {
        "DockerId": found.id if found is not None else "",
        "Name": name,
        "DockerName": plan.spec.name,
        "Image": plan.spec.image,
        "ImageID": found.image_id if found is not None else "",
        "Labels": {key: value for key, value in plan.spec.labels.items() if key != labels.TASK_VOLUMES},
        "DesiredStatus": desired(task),
        "KnownStatus": KNOWN[found.state] if found is not None else "NONE",
        "Limits": {"CPU": plan.spec.cpu_shares, "Memory": plan.spec.memory_mib or 0},
        "Type": "NORMAL",
        "LogDriver": plan.spec.log_driver,
        "LogOptions": plan.spec.log_options or None,
        "ContainerARN": arn.namespace.container_arn(task.cluster, task.id, container_uuid(task.id, index)),
        "Volumes": [{"Source": each.source, "Destination": each.target} for each in plan.spec.mounts] or None,
        "RestartCount": task.restarts.get(name, 0) if plan.restart is not None else None,
        **(_observed(task, plan, found) if found is not None else {}),
    }
    return {key: value for key, value in document.items() if value is not None}


def _observed(task: Task, plan: ContainerPlan, container: Container) -> dict[str, Any]:
    return {
        "ExitCode": container.exit_code,
        "Health": _health(task, plan, container),
        "CreatedAt": rfc3339(container.created_at),
        "StartedAt": rfc3339(container.started_at),
        "FinishedAt": rfc3339(container.finished_at),
        "Networks": list(_networks(task, plan, container)) or None,
        "Ports": [
            {
                "ContainerPort": port.container_port,
                "Protocol": port.protocol,
                "HostPort": port.host_port,
                "HostIp": port.bind_address,
            }
            for port in container.ports
        ]
        or None,
    }


def _networks(task: Task, plan: ContainerPlan, container: Container) -> Iterator[dict[str, Any]]:
    """In the host's network a container has no address of its own: the ECS agent then tells an empty one."""
    owner, mode = task.containers.get(pause.NAME), plan.spec.network_mode
    if owner is not None:
        for address in owner.addresses:
            yield {"NetworkMode": "awsvpc", "IPv4Addresses": [address], "MACAddress": owner.mac_address}
        return
    for address in container.addresses or (("",) if mode == "host" else ()):
        yield {"NetworkMode": mode, "IPv4Addresses": [address]}


def _health(task: Task, plan: ContainerPlan, container: Container) -> dict[str, Any] | None:
    told = health(plan, container)
    _, since = task.health_since.get(plan.name, (None, None))
    return {"status": told, **({"statusSince": rfc3339(since)} if since is not None else {})} if told else None


def instance_document(namespace: Namespace, cluster: str, container_instance: str, version: str) -> dict[str, str]:
    """An agent as its introspection endpoint has it: ``/v1/metadata``."""
    return {
        "Cluster": cluster,
        "ContainerInstanceArn": namespace.container_instance_arn(cluster, container_instance),
        "Version": f"Quarterdeck agent - v{version}",
    }


def introspected(task: Task) -> dict[str, Any]:
    """A task as the agent's introspection endpoint has it: ``/v1/tasks``."""
    definition = task.definition
    return {
        "Arn": task.arn,
        "DesiredStatus": desired(task),
        "KnownStatus": known(task),
        "Family": (definition.family if definition is not None else None) or "",
        "Version": str((definition.revision if definition is not None else None) or ""),
        "Containers": list(_introspected(task)),
    }


def _introspected(task: Task) -> Iterator[dict[str, Any]]:
    shown = (
        "DockerId",
        "DockerName",
        "Name",
        "Image",
        "ImageID",
        "CreatedAt",
        "StartedAt",
        "Ports",
        "Networks",
        "Volumes",
    )
    for plan in task.plan.told:
        document = container_document(task, plan.name)
        yield {key: document[key] for key in shown if key in document}


def desired(task: Task) -> str:
    """What is wanted of a task, of the two there are."""
    return "RUNNING" if task.wish == "RUNNING" and not task.failure else "STOPPED"


def known(task: Task) -> str:
    """A task is where the slowest of its containers is (ECS agent)."""
    if task.told == "STOPPED":
        return "STOPPED"
    states = {KNOWN[each.state] for each in task.containers.values()}
    if len(task.containers) < len(task.plan.containers) or not states:
        return "NONE"
    return next(each for each in ("CREATED", "RUNNING", "STOPPED") if each in states)


def _task_limits(task: Task) -> dict[str, Any]:
    """A task's size: its definition's, or what it was run with instead."""
    bounds = next((each.spec.bounds for each in task.plan.told if each.spec.bounds is not None), TaskBounds(task.id))
    limits = {"CPU": bounds.cpu_limit, "Memory": bounds.memory_mib}
    return {name: limit for name, limit in limits.items() if limit is not None}


def rfc3339(seconds: float | None) -> str | None:
    """RFC 3339 with microseconds, as the agent writes times."""
    if seconds is None:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
