"""Fold: all read models together: which event changes which, and the position that moves with them."""

import sqlite3
from collections.abc import Callable, Iterable
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
from quarterdeck.events.catalog import EVENT_TYPES
from quarterdeck.events.commit import Chained, Commit
from quarterdeck.projections.models import (
    account_setting,
    attribute,
    capacity_provider,
    cluster,
    container_instance,
    service,
    service_deployment,
    service_event,
    tag,
    task,
    task_definition,
    task_protection,
    task_set,
)

SCHEMA = """
CREATE TABLE position (
    only INTEGER PRIMARY KEY CHECK (only = 1), sequence INTEGER NOT NULL, hash TEXT NOT NULL, identity TEXT NOT NULL,
    fingerprint TEXT NOT NULL
);
"""
SCHEMAS = (
    SCHEMA,
    cluster.SCHEMA,
    task_definition.SCHEMA,
    container_instance.SCHEMA,
    service.SCHEMA,
    service_event.SCHEMA,
    task.SCHEMA,
    capacity_provider.SCHEMA,
    account_setting.SCHEMA,
    task_protection.SCHEMA,
    service_deployment.SCHEMA,
)
FORGET = (
    *task_protection.FORGET,
    *service_deployment.FORGET,
    *service.FORGET,
    *task.FORGET,
    *container_instance.FORGET,
    *cluster.FORGET,
)

POSITION = "SELECT sequence, hash, identity FROM position"
MOVE = "UPDATE position SET sequence = ?, hash = ?, identity = ?"

REBALANCING = tuple(kind for kind in EVENT_TYPES.values() if issubclass(kind, service_events.RebalancingEvent))

ORDINAL_BITS = 20
"""A row's number is where the log made it: the envelope's sequence, then the event's place in it."""

Handler = Callable[[Any, Commit, int], None]


class Applied(msgspec.Struct, frozen=True):
    """How far the models are: the last record's sequence, the last envelope's hash, and of which log."""

    sequence: int
    hash: str
    identity: str


def position(connection: sqlite3.Connection) -> Applied:
    """Read how far the models are."""
    return Applied(*connection.execute(POSITION).fetchone())


class Fold:
    """The models' writing side, for one connection. Start another after a transaction failed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.clusters = cluster.Fold(connection)
        self.definitions = task_definition.Fold(connection)
        self.instances = container_instance.Fold(connection, self.clusters)
        self.services = service.Fold(connection, self.clusters)
        self.task_sets = task_set.Fold(connection, self.clusters, self.services)
        self.service_deployments = service_deployment.Fold(connection, self.clusters, self.services, self.definitions)
        self.protections = task_protection.Fold(connection, self.clusters)
        self.tasks = task.Fold(connection, self.clusters, self.definitions, self.instances, self.services)
        self.attributes = attribute.Fold(connection, self.instances)
        self.providers = capacity_provider.Fold(connection)
        self.settings = account_setting.Fold(connection)
        self.tags = tag.Fold(connection, self.tasks)
        self.handlers = self._handlers()

    def apply(self, envelopes: Iterable[Chained], identity: str, sequence: int) -> Applied:
        """Fold envelopes in and move to `sequence`, or where the last of them is; those known are skipped."""
        before = position(self._connection)
        last, at = before, None
        for envelope in envelopes:
            if envelope.sequence <= before.sequence:
                continue
            for commit, number in _numbered(envelope):
                self._commit(commit, number)
                at = commit.at
            last = Applied(envelope.sequence, envelope.hash, identity)
        after = Applied(max(sequence, last.sequence), last.hash, identity)
        if at is not None:
            self.flush()
            self.tasks.purge(at)
        self._connection.execute(MOVE, (after.sequence, after.hash, after.identity))
        return after

    def flush(self) -> None:
        """Write what is still only in memory; tasks first, they change the counts of the others."""
        self.tasks.flush()
        self.services.flush()
        self.instances.flush()
        self.clusters.flush()

    def _commit(self, commit: Commit, number: int) -> None:
        handlers = self.handlers
        for place, event in enumerate(commit.events, number):
            handlers[type(event)](event, commit, place)
        if self.services.messages.acted:
            self.services.messages.end_commit(commit.at)

    def _cluster_created(self, event: cluster_events.ClusterCreated, commit: Commit, number: int) -> None:
        before = cluster.number(self._connection, commit.namespace, event.cluster)
        if before is not None:
            self.flush()
            for statement in FORGET:
                self._connection.execute(statement, (before,))
        self.clusters.created(event, commit, number)

    def _deployment_started(self, event: service_events.DeploymentStarted, commit: Commit, number: int) -> None:
        if self.services.holds(event, commit):  # what it has, and whether it is still there, must not hang on batches
            self.flush()
        self.services.deployment_started(event, commit, number)
        self.services.messages.deployment_started(event, commit, number)
        self.service_deployments.started(event, commit, number)

    def _deployment_completed(self, event: service_events.DeploymentCompleted, commit: Commit, number: int) -> None:
        self.services.deployment_completed(event, commit, number)
        self.services.messages.deployment_completed(event, commit, number)
        self.service_deployments.completed(event, commit, number)

    def _deployment_failed(self, event: service_events.DeploymentFailed, commit: Commit, number: int) -> None:
        self.services.deployment_failed(event, commit, number)
        self.services.messages.deployment_failed(event, commit, number)
        self.service_deployments.failed(event, commit, number)

    def _service_deleted(self, event: service_events.ServiceDeleted, commit: Commit, number: int) -> None:
        self.services.deleted(event, commit, number)
        self.service_deployments.deleted(event, commit, number)

    def _protection_enabled(self, event: task_events.TaskProtectionEnabled, commit: Commit, number: int) -> None:
        self.tasks.touched(event, commit, number)
        self.protections.enabled(event, commit, number)

    def _protection_disabled(self, event: task_events.TaskProtectionDisabled, commit: Commit, number: int) -> None:
        self.tasks.touched(event, commit, number)
        self.protections.disabled(event, commit, number)

    def _handlers(self) -> dict[type, Handler]:
        return {
            **self._of_services(),
            cluster_events.ClusterCreated: self._cluster_created,
            cluster_events.ClusterUpdated: self.clusters.updated,
            cluster_events.ClusterCapacityProvidersChanged: self.clusters.capacity_providers_changed,
            cluster_events.ClusterDeleted: self.clusters.deleted,
            instance_events.ContainerInstanceRegistered: self.instances.registered,
            instance_events.ContainerInstanceReregistered: self.instances.reregistered,
            instance_events.ContainerInstanceStatusChanged: self.instances.status_changed,
            instance_events.ContainerInstanceDeregistered: self.instances.deregistered,
            instance_events.AttributesPut: self.attributes.put,
            instance_events.AttributesDeleted: self.attributes.deleted,
            instance_events.AgentConnected: self.instances.connected,
            instance_events.AgentDisconnected: self.instances.disconnected,
            instance_events.AgentLost: self.instances.lost,
            instance_events.RuntimeHealthChanged: self.instances.runtime_health,
            instance_events.AgentUpdateRequested: self.instances.update_requested,
            provider_events.CapacityProviderCreated: self.providers.created,
            provider_events.CapacityProviderUpdated: self.providers.updated,
            provider_events.CapacityProviderDeleted: self.providers.deleted,
            provider_events.CapacityProviderDeletionFailed: self.providers.deletion_failed,
            setting_events.AccountSettingPut: self.settings.put,
            setting_events.AccountSettingDeleted: self.settings.deleted,
            alarm_events.AlarmStateChanged: _passed_over,
            secret_events.SecretStored: _passed_over,
            secret_events.SecretDeleted: _passed_over,
            tag_events.ResourceTagged: self.tags.tagged,
            tag_events.ResourceUntagged: self.tags.untagged,
            definition_events.TaskDefinitionRegistered: self.definitions.registered,
            definition_events.TaskDefinitionDeregistered: self.definitions.deregistered,
            definition_events.TaskDefinitionDeletionRequested: self.definitions.deletion_requested,
            definition_events.TaskDefinitionDeleted: self.definitions.deleted,
        }

    def _of_services(self) -> dict[type, Handler]:
        messages = self.services.messages
        return {
            service_events.ServiceCreated: self.services.created,
            service_events.ServiceUpdated: self.services.updated,
            service_events.ServiceDeleted: self._service_deleted,
            service_events.ServiceDrained: self.services.drained,
            service_events.DeploymentStarted: self._deployment_started,
            service_events.DeploymentCompleted: self._deployment_completed,
            service_events.DeploymentBaking: self.service_deployments.baking,
            service_events.DeploymentStopRequested: self.service_deployments.stop_requested,
            service_events.DeploymentStageEntered: self.service_deployments.stage_entered,
            service_events.DeploymentTrafficShifted: self.service_deployments.traffic_shifted,
            service_events.DeploymentHookStarted: self.service_deployments.hook_started,
            service_events.DeploymentHookEnded: self.service_deployments.hook_ended,
            service_events.DeploymentFailuresCounted: self.service_deployments.failures_counted,
            service_events.DeploymentFailed: self._deployment_failed,
            service_events.ServiceDeploymentBlocked: messages.deployment_blocked,
            service_events.ServiceSteadyStateReached: messages.steady,
            service_events.ServiceTaskPlacementFailed: messages.placement_failed,
            service_events.ServiceTaskStartImpaired: messages.start_impaired,
            service_events.ServiceScaleInBlocked: messages.scale_in_blocked,
            service_events.ServiceDesiredCountChanged: self.services.desired_count_changed,
            service_events.ServiceDaemonConstraintViolated: self.services.daemon_constraint_violated,
            **dict.fromkeys(REBALANCING, messages.rebalancing),
            set_events.TaskSetCreated: self.task_sets.created,
            set_events.TaskSetScaled: self.task_sets.scaled,
            set_events.PrimaryTaskSetChanged: self.task_sets.primary_changed,
            set_events.TaskSetSteadyStateReached: self.task_sets.steady,
            set_events.TaskSetDeleted: self.task_sets.deleted,
            set_events.TaskSetDrained: self.task_sets.drained,
            task_events.TaskRequested: self.tasks.requested,
            task_events.TaskQueued: self.tasks.touched,
            task_events.TaskPlaced: self.tasks.placed,
            task_events.TaskPlacementFailed: self.tasks.placement_failed,
            task_events.TaskStarted: self.tasks.started,
            task_events.ContainerStateChanged: self.tasks.container_changed,
            task_events.ExecuteCommandRequested: self.tasks.command_requested,
            task_events.TaskHealthChanged: self.tasks.touched,
            task_events.TaskProtectionEnabled: self._protection_enabled,
            task_events.TaskProtectionDisabled: self._protection_disabled,
            task_events.TaskStopRequested: self.tasks.stop_requested,
            task_events.TaskStopping: self.tasks.stopping,
            task_events.TaskStopped: self.tasks.stopped,
        }


def _passed_over(_event: object, _commit: Commit, _number: int) -> None:
    """Secrets and alarms are in no read model: decisions look at the live view, and secrets are shown to nobody."""


def _numbered(envelope: Chained) -> Iterable[tuple[Commit, int]]:
    number = envelope.sequence << ORDINAL_BITS
    for commit in envelope.commits:
        yield commit, number
        number += len(commit.events)
