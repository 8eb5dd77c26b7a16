"""Reserve: the room that DAEMON services still need on instances, kept free of other tasks (spec §8.5)."""

from quarterdeck.projections.live.demand import constrained
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.states import ClusterState, NamespaceState, ServiceState
from quarterdeck.projections.live.task_definition import find


def renew(namespace: NamespaceState, cluster: ClusterState, service: ServiceState) -> None:
    """Reserve what a DAEMON service needs now, wherever it has no task."""
    if service.settings.scheduling_strategy != "DAEMON" or not service.deployments:
        return
    needs = find(namespace, service.deployments[0].definition).demand
    cluster.room.daemons[service.group] = constrained(needs, service.settings.placement_constraints)
    for instance in cluster.room.instances.values():
        keep(cluster, service.group, instance)
        cluster.room.gain(instance)


def release(cluster: ClusterState, service: ServiceState) -> None:
    """Reserve nothing for a service any more."""
    if cluster.room.daemons.pop(service.group, None) is None:
        return
    for instance in cluster.room.instances.values():
        instance.reserves.pop(service.group, None)
        cluster.room.gain(instance)


def keep(cluster: ClusterState, name: str, instance: InstanceState) -> None:
    """Reserve room for a group's daemon on an instance that has no task of it."""
    held = cluster.room.groups.get(name)
    if held is None or not held.holds(instance.id):
        instance.reserves[name] = cluster.room.daemons[name]
