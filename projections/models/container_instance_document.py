"""Container instance document: an instance in the shape of the ECS API. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from quarterdeck.events import shapes
from quarterdeck.events.container_instance import Capacity, ContainerInstanceRegistered
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models.task_document import ARCHITECTURE


def registered_instance(
    namespace: Namespace, at: float, event: ContainerInstanceRegistered
) -> shapes.ContainerInstance:
    """Describe a new instance, as RegisterContainerInstance answers: nothing of it is taken."""
    offered = resources(event.capacity)
    return shapes.ContainerInstance(
        container_instance_arn=namespace.container_instance_arn(event.cluster, event.container_instance),
        ec2_instance_id=event.ec2_instance_id or None,
        version=1,
        version_info=event.version_info or shapes.VersionInfo(),
        remaining_resources=offered,
        registered_resources=offered,
        status="ACTIVE",
        agent_connected=False,
        running_tasks_count=0,
        pending_tasks_count=0,
        attributes=event.attributes,
        registered_at=at,
        attachments=[],
        tags=event.tags,
    )


def resources(
    capacity: Capacity, cpu: int = 0, memory: int = 0, tcp: Iterable[int] = (), udp: Iterable[int] = ()
) -> list[shapes.Resource]:
    """List what is left of a capacity of which so much is taken; of ports, those that are taken (spec §4.3)."""
    return [
        _integer("CPU", capacity.cpu - cpu),
        _integer("MEMORY", capacity.memory - memory),
        _ports("PORTS", capacity.ports, tcp),
        _ports("PORTS_UDP", capacity.udp_ports, udp),
    ]


class Runtime(NamedTuple):
    """How what runs an instance's containers is, since when, and why."""

    status: str
    changed_at: float | None
    reason: str


def health(
    doc: shapes.ContainerInstance, changed_at: float | None, runtime: Runtime, *, connected: bool
) -> shapes.ContainerInstanceHealthStatus:
    """Tell the health of an instance: whether its agent is heard, and what that says of its runtime (spec §4.9)."""
    link = "OK" if connected else "IMPAIRED" if changed_at is not None else "INITIALIZING"
    engine = runtime.status if connected else "INSUFFICIENT_DATA" if changed_at is not None else "INITIALIZING"
    states = {link, engine}
    overall = next((each for each in ("IMPAIRED", "INITIALIZING", "INSUFFICIENT_DATA") if each in states), "OK")
    heard = doc.registered_at if changed_at is None else changed_at
    details = [
        _check("CONTAINER_RUNTIME", engine, runtime.changed_at or heard, runtime.reason if connected else ""),
        _check("AGENT_CONNECTIVITY", link, heard),
    ]
    return shapes.ContainerInstanceHealthStatus(overall_status=overall, details=details)


def _check(kind: str, status: str, at: float | None, reason: str = "") -> shapes.InstanceHealthCheckResult:
    return shapes.InstanceHealthCheckResult(
        type=kind, status=status, status_reason=reason or None, last_updated=at, last_status_change=at
    )


def update_status(before: shapes.ContainerInstance, told: shapes.VersionInfo | None) -> str | None:
    """Tell how far an update of the agent is, when one registers again: done, if it has another version."""
    known = (before.version_info.agent_version if before.version_info is not None else None) or ""
    new = (told.agent_version if told is not None else None) or known
    return "UPDATED" if before.agent_update_status == "PENDING" and new != known else before.agent_update_status


def architecture(attributes: list[shapes.Attribute]) -> str:
    """Find the attribute that is shown on tasks too, empty if there is none."""
    return next((each.value or "" for each in attributes if each.name == ARCHITECTURE), "")


def _integer(name: str, value: int) -> shapes.Resource:
    return shapes.Resource(name=name, type="INTEGER", double_value=0.0, long_value=0, integer_value=value)


def _ports(name: str, kept: list[int], taken: Iterable[int]) -> shapes.Resource:
    ports = [str(port) for port in (*kept, *sorted(set(taken) - set(kept)))]
    return shapes.Resource(
        name=name, type="STRINGSET", double_value=0.0, long_value=0, integer_value=0, string_set_value=ports
    )
