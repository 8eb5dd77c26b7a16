"""Report: what the engine is told of a task, as ECS's SubmitTaskStateChange. Pure (spec §4.8, §6.7)."""

from collections.abc import Iterator

import msgspec

from quarterdeck.agents import labels, pause
from quarterdeck.agents.plan import ContainerPlan
from quarterdeck.agents.runtimes.port import Container
from quarterdeck.agents.task import Report, Task
from quarterdeck.events import shapes

STATUS = {"created": "PENDING", "running": "RUNNING", "exited": "STOPPED"}


def running(task: Task, names: list[str]) -> Report:
    """Say that the task is RUNNING, and how these containers are."""
    return Report(task.id, _request(task, "RUNNING", [_change(task, name) for name in names]))


def pending(task: Task, names: list[str]) -> Report:
    """Say how these containers are, of a task that is not RUNNING yet."""
    return Report(task.id, _request(task, "PENDING", [_change(task, name) for name in names]))


def pulling(task: Task, name: str, detail: str) -> Report:
    """Say why a container is still PENDING."""
    change = shapes.ContainerStateChange(container_name=name, status="PENDING", reason=detail)
    return Report(task.id, _request(task, "PENDING", [change]))


def merged(earlier: Report, later: Report) -> Report:
    """Say in one report what two with the same status say of a task."""
    changes = {each.container_name: each for each in earlier.request.containers or []}
    changes |= {each.container_name: each for each in later.request.containers or []}
    return Report(later.task, msgspec.structs.replace(later.request, containers=list(changes.values())))


def stopping(task: Task) -> Report:
    """Say that nothing of the task runs any more; how its containers ended is told when it is STOPPED."""
    return Report(task.id, _request(task, "STOPPING", []))


def stopped(task: Task, exited: str | None) -> Report:
    """Say that the task is STOPPED, with all its containers; ``exited`` is the reason if nothing else is."""
    planned = [plan.name for plan in task.plan.told]
    names = dict.fromkeys([*planned, *(name for name in task.containers if name != pause.NAME)])
    changes = [msgspec.structs.replace(_change(task, name), status="STOPPED") for name in names]
    request = msgspec.structs.replace(
        _request(task, "STOPPED", changes),
        reason=task.failure or exited,
        execution_stopped_at=execution_stopped_at(task),
    )
    return Report(task.id, request)


def execution_stopped_at(task: Task) -> float | None:
    """When the first essential container ended; without a definition each counts."""
    essential = {plan.name for plan in task.plan.containers if plan.essential} or set(task.containers)
    ends = [each.finished_at for name, each in task.containers.items() if name in essential]
    return min((end for end in ends if end is not None), default=None)


def _request(
    task: Task, status: str, containers: list[shapes.ContainerStateChange]
) -> shapes.SubmitTaskStateChangeRequest:
    owner = task.containers.get(pause.NAME)
    there = owner if owner is not None and owner.addresses else None
    return shapes.SubmitTaskStateChangeRequest(
        cluster=task.cluster,
        task=task.arn,
        status=status,
        containers=containers,
        pull_started_at=task.pull_started_at,
        pull_stopped_at=task.pull_stopped_at,
        subnet_id=there.labels.get(labels.SUBNET) if there is not None else None,
        private_ipv4_address=there.addresses[0] if there is not None else None,
        mac_address=there.mac_address if there is not None else None,
    )


def health(plan: ContainerPlan, container: Container) -> str | None:
    """What is told of a container's health: nothing where it is not watched, or does not run."""
    return container.health if plan.spec.health_check is not None else None


def _change(task: Task, name: str) -> shapes.ContainerStateChange:
    reason = task.failure if name == task.failed_container else None
    container = task.containers.get(name)
    if container is None:
        return shapes.ContainerStateChange(container_name=name, status="PENDING", reason=reason)
    return shapes.ContainerStateChange(
        container_name=name,
        runtime_id=container.id or None,
        image_digest=container.image_digest,
        status=STATUS[container.state],
        exit_code=container.exit_code,
        reason=reason or container.reason,
        health_status=next((health(plan, container) for plan in task.plan.containers if plan.name == name), None),
        restart_count=task.restarts.get(name),
        network_bindings=list(_bindings(task, name, container)),
    )


def _bindings(task: Task, name: str, container: Container) -> Iterator[shapes.NetworkBinding]:
    """Ports one by one, and ranges as they were asked for (spec §5.4)."""
    ports = {(port.container_port, port.protocol): port for port in container.ports}
    asked = next((plan.spec.ports for plan in task.plan.containers if plan.name == name), ())
    for wanted in asked:
        span = [(wanted.container_port + index, wanted.protocol) for index in range(wanted.count)]
        if wanted.count > 1 and all(each in ports for each in span):
            row = [ports.pop(each) for each in span]
            yield shapes.NetworkBinding(
                bind_ip=row[0].bind_address,
                protocol=wanted.protocol,
                container_port_range=f"{row[0].container_port}-{row[-1].container_port}",
                host_port_range=f"{row[0].host_port}-{row[-1].host_port}",
            )
    for port in container.ports:
        if (port.container_port, port.protocol) in ports:
            yield shapes.NetworkBinding(
                bind_ip=port.bind_address,
                container_port=port.container_port,
                host_port=port.host_port,
                protocol=port.protocol,
            )
