"""Checkers: what must hold of every live view, worked out again from its tasks (spec §14)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from quarterdeck.engine.core.service_settings import is_external
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import ContainerInstanceEvent
from quarterdeck.events.task import TaskEvent
from quarterdeck.projections.live.deployment import blue
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.states import ClusterState, DeploymentState, NamespaceState, ServiceState, TaskState

LIFE = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")

SERVICE_LIFE = ("ACTIVE", "DRAINING", "INACTIVE")
REVISION_LIFE = ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS")


def check(namespace: NamespaceState) -> None:
    """Check everything that must hold at any time."""
    for cluster in namespace.clusters.values():
        held = tasks_by_instance(cluster)
        for instance in cluster.instances.values():
            check_resources(instance, held.get(instance.id, []))
            check_reserves(cluster, instance)
        check_ports(cluster)
        check_marks(cluster)
        check_groups(cluster)
        for service in cluster.services.values():
            check_service(cluster, service)


def live_tasks(cluster: ClusterState) -> list[TaskState]:
    """List the tasks that hold something."""
    return [each for each in cluster.tasks.values() if each.last_status not in {"STOPPING", "STOPPED"}]


def tasks_by_instance(cluster: ClusterState) -> dict[str, list[TaskState]]:
    """List the tasks that hold something by where they are."""
    held: dict[str, list[TaskState]] = {}
    for task in live_tasks(cluster):
        held.setdefault(task.instance, []).append(task)
    return held


def check_resources(instance: InstanceState, held: list[TaskState]) -> None:
    """Check that what is left of an instance is what it has less what its tasks reserve (§14.1)."""
    assert set(instance.tasks) == {each.id for each in held}, instance.id
    assert instance.cpu_left == instance.cpu - sum(each.demand.cpu for each in held), instance.id
    assert instance.memory_left == instance.memory - sum(each.demand.memory for each in held), instance.id
    if instance.status == "INACTIVE":
        assert not held
        assert not instance.connected


def check_never_overbooked(cluster: ClusterState) -> None:
    """Check that nothing is less than nothing; holds unless an instance came back with less than it had."""
    for instance in cluster.instances.values():
        assert instance.cpu_left >= 0, instance.id
        assert instance.memory_left >= 0, instance.id


def check_reserves(cluster: ClusterState, instance: InstanceState) -> None:
    """Check that room is kept for exactly the daemons that an instance does not have."""
    kept = {name for name in cluster.room.daemons if name not in instance.tasks.values()}
    assert instance.status == "INACTIVE" or set(instance.reserves) == kept, instance.id


def check_ports(cluster: ClusterState) -> None:
    """Check that each host's ports are those of its tasks, and each taken once (§14.2)."""
    hosts: dict[str, list[InstanceState]] = {}
    for instance in cluster.instances.values():
        if instance.status != "INACTIVE":
            hosts.setdefault(instance.host or instance.id, []).append(instance)
    assert set(cluster.room.hosts) == set(hosts)
    tasks = tasks_by_instance(cluster)
    for sharers in hosts.values():
        held = [task for each in sharers for task in tasks.get(each.id, [])]
        tcp = Counter(port for each in held for port in each.demand.tcp)
        udp = Counter(port for each in held for port in each.demand.udp)
        assert not [port for port, count in (tcp + udp).items() if max(tcp[port], udp[port]) > 1 and count]
        for instance in sharers:
            assert (instance.tcp, instance.udp) == (set(tcp), set(udp)), instance.id


def check_marks(cluster: ClusterState) -> None:
    """Check the lists that say which instances to look at."""
    instances = cluster.instances.values()
    assert set(cluster.draining) == {each.id for each in instances if each.status == "DRAINING"}
    assert set(cluster.away) == {each.id for each in instances if each.status != "INACTIVE" and not each.connected}
    assert not [each.id for each in instances if each.lost and each.connected]
    pools = {zone: [name for _, name in pool.entries] for zone, pool in cluster.room.pools.items() if pool.entries}
    expected: dict[str, list[str]] = {}
    for each in instances:
        if each.status != "INACTIVE":
            expected.setdefault(each.zone, []).append(each.id)
    assert pools == {zone: sorted(names) for zone, names in expected.items()}


def check_groups(cluster: ClusterState) -> None:
    """Check that groups count exactly the tasks wanted."""
    wanted = [each for each in cluster.tasks.values() if each.desired_status == "RUNNING" and each.instance]
    by_instance = Counter((each.group, each.instance) for each in wanted)
    by_zone = Counter((each.group, each.zone) for each in wanted)
    groups = cluster.room.groups
    assert by_instance == {(name, at): n for name, each in groups.items() for at, n in each.instances.items()}
    assert by_zone == {(name, at): n for name, each in groups.items() for at, n in each.zones.items() if n}


def check_service(cluster: ClusterState, service: ServiceState) -> None:
    """Check a service's counts against its tasks (§14.4, §14.7); one of task sets has no deployments (§9.8)."""
    assert bool(service.deployments) is not is_external(service.settings), "exactly one deployment is PRIMARY"
    holders: list[DeploymentState] = [*service.deployments, *service.task_sets]
    assert len({each.id for each in holders}) == len(holders)
    tasks = [each for holder in holders for each in _of(cluster, holder)]
    wanted = [each for each in tasks if each.desired_status == "RUNNING"]
    assert service.alive == len(tasks)
    assert service.wanted == len(wanted)
    assert service.running == sum(1 for each in wanted if each.last_status == "RUNNING")
    assert service.ill == sum(1 for each in wanted if each.last_status == "RUNNING" and not each.healthy)
    sick = [each for each in wanted if each.last_status == "RUNNING" and each.health == "UNHEALTHY"]
    assert service.sick == len(sick)
    assert service.away == sum(1 for each in wanted if cluster.instances[each.instance].lost)
    for deployment in holders:
        mine = [each for each in wanted if each.deployment == deployment.id]
        assert deployment.running == sum(1 for each in mine if each.last_status == "RUNNING"), deployment.id
    empty = [each for each in service.deployments[1:] if not each.tasks and each is not blue(service)]
    assert not empty, "an older deployment without tasks leaves the list, unless they are to be started anew"
    if service.status == "INACTIVE":
        assert not wanted
    if service.settings.scheduling_strategy == "DAEMON":
        assert max(Counter(each.instance for each in tasks).values(), default=0) <= 1, "a daemon an instance (§14.6)"
    _check_strays(cluster, service)


def check_balance(cluster: ClusterState, group: str) -> None:
    """Check that zones differ by one task at most (§14.5); holds while every zone has room."""
    counts = [cluster.room.group(group).zones.get(zone, 0) for zone, pool in cluster.room.pools.items() if pool.entries]
    assert max(counts, default=0) - min(counts, default=0) <= 1, counts


def _of(cluster: ClusterState, deployment: DeploymentState) -> list[TaskState]:
    found = [cluster.tasks[name] for name in deployment.tasks]
    assert all(each.deployment == deployment.id and each.last_status != "STOPPED" for each in found)
    return found


def _check_strays(cluster: ClusterState, service: ServiceState) -> None:
    """No live task of a current deployment is missing from it."""
    holders: list[DeploymentState] = [*service.deployments, *service.task_sets]
    listed = {name for holder in holders for name in holder.tasks}
    ids, group = {holder.id for holder in holders}, service.group
    assert {each.id for each in live_tasks(cluster) if each.group == group and each.deployment in ids} == listed


class Watch:
    """What is only seen over time: a status never goes back, a version always goes on (§14.3, §14.8)."""

    def __init__(self) -> None:
        self.tasks: dict[str, tuple[int, str, int]] = {}
        self.instances: dict[str, tuple[str, int]] = {}
        self.statuses: dict[tuple[object, ...], int] = {}

    def step(self, namespace: NamespaceState, events: Iterable[AnyEvent]) -> None:
        """Look at what is there after some events, and compare with the last time."""
        events = list(events)
        touched = {each.task for each in events if isinstance(each, TaskEvent)}
        changed = {each.container_instance for each in events if isinstance(each, ContainerInstanceEvent)}
        for cluster in namespace.clusters.values():
            for task in cluster.tasks.values():
                self._task(task, changed=task.id in touched)
            for instance in cluster.instances.values():
                self._instance(instance, changed=instance.id in changed)
            for service in cluster.services.values():
                self._status(SERVICE_LIFE, service.status, cluster.name, service.name, service.created_at)
        for family in namespace.families.values():
            for revision in family.revisions.values():
                self._status(REVISION_LIFE, revision.status, revision.name)

    def _task(self, task: TaskState, *, changed: bool) -> None:
        assert not (task.last_status == "STOPPED" and task.desired_status == "RUNNING"), task.id
        now = (LIFE.index(task.last_status), task.desired_status, task.version)
        before = self.tasks.get(task.id)
        if before is not None:
            assert now[0] >= before[0], f"{task.id} went back to {task.last_status}"
            assert (before[1], now[1]) != ("STOPPED", "RUNNING"), f"{task.id} is wanted again"
            assert now[2] > before[2] if changed else now == before, task.id
        self.tasks[task.id] = now

    def _instance(self, instance: InstanceState, *, changed: bool) -> None:
        before = self.instances.get(instance.id)
        if before is not None:
            assert before[0] != "INACTIVE" or instance.status == "INACTIVE", f"{instance.id} came back"
            assert instance.version >= before[1]
            assert instance.version > before[1] or not changed, instance.id
        self.instances[instance.id] = (instance.status, instance.version)

    def _status(self, life: tuple[str, ...], status: str, *name: object) -> None:
        """See that what is INACTIVE stays so; a service of the same name made later is another one."""
        assert self.statuses.get(name, 0) <= life.index(status), f"{name} is {status} again"
        self.statuses[name] = life.index(status)
