"""View: the fold of a whole shard: every namespace, the commands remembered, and the position."""

import hashlib
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from quarterdeck.events import account_setting as setting_events
from quarterdeck.events import alarm as alarm_events
from quarterdeck.events import capacity_provider as provider_events
from quarterdeck.events import cluster as cluster_events
from quarterdeck.events import container_instance as instance_events
from quarterdeck.events import secret as secret_events
from quarterdeck.events import service as service_events
from quarterdeck.events import tag as tag_events
from quarterdeck.events import task as task_events
from quarterdeck.events import task_definition as definition_events
from quarterdeck.events import task_set as set_events
from quarterdeck.events.codec import GENESIS
from quarterdeck.events.commit import Chained, Commit
from quarterdeck.events.names import Namespace
from quarterdeck.projections.live import (
    account_setting,
    alarm,
    capacity_provider,
    cluster,
    container_instance,
    secret,
    service,
    tag,
    task,
    task_definition,
    task_protection,
    task_set,
)
from quarterdeck.projections.live.room import Room
from quarterdeck.projections.live.states import NamespaceState

COMMANDS_KEPT_SECONDS = 24 * 3600.0
COMMANDS_KEPT_MAX = 1_000_000

EVOLVE: dict[type, Callable[[NamespaceState, Any, float], None]] = {
    cluster_events.ClusterCreated: cluster.created,
    cluster_events.ClusterUpdated: cluster.updated,
    cluster_events.ClusterCapacityProvidersChanged: cluster.capacity_providers_changed,
    cluster_events.ClusterDeleted: cluster.deleted,
    instance_events.ContainerInstanceRegistered: container_instance.registered,
    instance_events.ContainerInstanceReregistered: container_instance.reregistered,
    instance_events.ContainerInstanceStatusChanged: container_instance.status_changed,
    instance_events.ContainerInstanceDeregistered: container_instance.deregistered,
    instance_events.AttributesPut: container_instance.attributes_put,
    instance_events.AttributesDeleted: container_instance.attributes_deleted,
    instance_events.AgentConnected: container_instance.connected,
    instance_events.AgentDisconnected: container_instance.disconnected,
    instance_events.AgentLost: container_instance.lost,
    instance_events.RuntimeHealthChanged: container_instance.runtime_health,
    instance_events.AgentUpdateRequested: container_instance.update_requested,
    provider_events.CapacityProviderCreated: capacity_provider.created,
    provider_events.CapacityProviderUpdated: capacity_provider.updated,
    provider_events.CapacityProviderDeleted: capacity_provider.deleted,
    provider_events.CapacityProviderDeletionFailed: capacity_provider.deletion_failed,
    setting_events.AccountSettingPut: account_setting.put,
    setting_events.AccountSettingDeleted: account_setting.deleted,
    alarm_events.AlarmStateChanged: alarm.state_changed,
    secret_events.SecretStored: secret.stored,
    secret_events.SecretDeleted: secret.deleted,
    tag_events.ResourceTagged: tag.tagged,
    tag_events.ResourceUntagged: tag.untagged,
    definition_events.TaskDefinitionRegistered: task_definition.registered,
    definition_events.TaskDefinitionDeregistered: task_definition.deregistered,
    definition_events.TaskDefinitionDeletionRequested: task_definition.deletion_requested,
    definition_events.TaskDefinitionDeleted: task_definition.deleted,
    service_events.ServiceCreated: service.created,
    service_events.ServiceUpdated: service.updated,
    service_events.ServiceDeleted: service.deleted,
    service_events.ServiceDrained: service.drained,
    service_events.DeploymentStarted: service.deployment_started,
    service_events.DeploymentCompleted: service.deployment_completed,
    service_events.DeploymentBaking: service.deployment_baking,
    service_events.DeploymentStopRequested: service.stop_requested,
    service_events.DeploymentStageEntered: service.stage_entered,
    service_events.DeploymentTrafficShifted: service.traffic_shifted,
    service_events.DeploymentHookStarted: service.hook_started,
    service_events.DeploymentHookEnded: service.hook_ended,
    service_events.DeploymentFailuresCounted: service.failures_counted,
    service_events.DeploymentFailed: service.deployment_failed,
    service_events.ServiceDeploymentBlocked: service.deployment_blocked,
    service_events.ServiceSteadyStateReached: service.steady,
    service_events.ServiceTaskPlacementFailed: service.placement_failed,
    service_events.ServiceTaskStartImpaired: service.start_impaired,
    service_events.ServiceScaleInBlocked: service.scale_in_blocked,
    service_events.ServiceDesiredCountChanged: service.desired_count_changed,
    service_events.ServiceDaemonConstraintViolated: service.daemon_constraint_violated,
    service_events.ServiceRebalancingStarted: service.rebalancing_started,
    service_events.ServiceRebalancingTaskStarted: service.rebalancing_task_started,
    service_events.ServiceRebalancingBlocked: service.rebalancing_blocked,
    service_events.ServiceRebalancingStopped: service.rebalancing_ended,
    service_events.ServiceRebalancingCompleted: service.rebalancing_ended,
    set_events.TaskSetCreated: task_set.created,
    set_events.TaskSetScaled: task_set.scaled,
    set_events.PrimaryTaskSetChanged: task_set.primary_changed,
    set_events.TaskSetSteadyStateReached: task_set.steady,
    set_events.TaskSetDeleted: task_set.deleted,
    set_events.TaskSetDrained: task_set.drained,
    task_events.TaskRequested: task.requested,
    task_events.TaskQueued: task.queued,
    task_events.TaskPlaced: task.placed,
    task_events.TaskPlacementFailed: task.placement_failed,
    task_events.TaskStarted: task.started,
    task_events.ContainerStateChanged: task.container_changed,
    task_events.ExecuteCommandRequested: task.command_requested,
    task_events.TaskHealthChanged: task.health_changed,
    task_events.TaskProtectionEnabled: task_protection.enabled,
    task_events.TaskProtectionDisabled: task_protection.disabled,
    task_events.TaskStopRequested: task.stop_requested,
    task_events.TaskStopping: task.stopping,
    task_events.TaskStopped: task.stopped,
}
"""How each event changes its namespace. It believes: no checks, no clock; history cannot be refused."""


class Remembered(msgspec.Struct, gc=False):
    """A command that was carried out: where its commit is, and what it asked for."""

    commit: str
    sequence: int
    digest: str


class LiveView:
    """The state of a shard at a position of its log."""

    def __init__(self) -> None:
        self.namespaces: dict[str, NamespaceState] = {}
        self.commands: dict[tuple[str, str], Remembered] = {}
        self.sequence = 0
        self.hash = GENESIS
        self._expiry: deque[tuple[float, tuple[str, str]]] = deque()

    def namespace(self, name: str) -> NamespaceState:
        """Find a namespace; new ones are empty."""
        found = self.namespaces.get(name)
        if found is None:
            found = self.namespaces[name] = NamespaceState(Namespace.parse(name))
        return found

    def fold(self, envelope: Chained) -> None:
        """Apply an envelope's commits and move on to its position."""
        for commit in envelope.commits:
            namespace = self.namespace(commit.namespace)
            for event in commit.events:
                EVOLVE[type(event)](namespace, event, commit.at)
            if commit.command:
                self.remember(commit, envelope.sequence)
        self.sequence = envelope.sequence
        self.hash = envelope.hash

    def remember(self, commit: Commit, sequence: int) -> None:
        """Keep a command's token for a day, so that a repeat gets the first outcome."""
        key = (commit.namespace, commit.command)
        self.commands[key] = Remembered(commit.id, sequence, commit.digest)
        self._expiry.append((commit.at, key))
        while self._expiry[0][0] < commit.at - COMMANDS_KEPT_SECONDS or len(self._expiry) > COMMANDS_KEPT_MAX:
            self.commands.pop(self._expiry.popleft()[1], None)

    def fingerprint(self) -> str:
        """Digest the whole state: equal for two folds of the same log; a namespace only looked at is none."""
        there = {name: each for name, each in self.namespaces.items() if each != NamespaceState(each.namespace)}
        plain = msgspec.to_builtins(there, str_keys=True, enc_hook=_counted, order="sorted")
        return hashlib.sha256(msgspec.json.encode(plain)).hexdigest()


def _counted(value: object) -> object:
    if isinstance(value, deque):
        return list(value)
    assert isinstance(value, Room)
    held = {name: [group.zones, group.instances] for name, group in value.groups.items() if group.instances}
    return [{zone: [name for _, name in pool.entries] for zone, pool in value.pools.items()}, held]
