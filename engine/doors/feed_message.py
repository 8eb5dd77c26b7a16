"""Feed message: one event as outsiders see it, in the shape EventBridge gives it where ECS has one (spec §12).

An event ECS does not publish has the detail-type ``Quarterdeck <event type>``. Every detail holds our event and its
commit under ``quarterdeck``. The object described is at least as new as the event; its ``version`` says how new.
"""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from quarterdeck.engine.core.task import REASONS
from quarterdeck.engine.doors.reply import ACTOR, CAUSE, COMMIT, MESSAGE_ID, SEQUENCE
from quarterdeck.engine.doors.service_action import ACTIONS, TasksActed
from quarterdeck.events import shapes
from quarterdeck.events.account_setting import AccountSettingEvent
from quarterdeck.events.alarm import AlarmStateChanged
from quarterdeck.events.capacity_provider import CapacityProviderEvent
from quarterdeck.events.catalog import AnyEvent, noun
from quarterdeck.events.catalog import subject as name_of
from quarterdeck.events.commit import Commit
from quarterdeck.events.container_instance import AgentLost, ContainerInstanceEvent
from quarterdeck.events.names import Namespace
from quarterdeck.events.secret import SecretEvent, SecretStored
from quarterdeck.events.service import (
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentStarted,
    ServiceDaemonConstraintViolated,
    ServiceDesiredCountChanged,
    ServiceEvent,
    ServiceRebalancingCompleted,
    ServiceRebalancingStarted,
    ServiceRebalancingStopped,
    ServiceScaleInBlocked,
    ServiceSteadyStateReached,
    ServiceTaskPlacementFailed,
    ServiceTaskStartImpaired,
)
from quarterdeck.events.tag import TagEvent
from quarterdeck.events.task import ExecuteCommandRequested, TaskEvent
from quarterdeck.events.task_definition import TaskDefinitionEvent
from quarterdeck.events.task_set import TaskSetSteadyStateReached

PREFIX = "qd.feed."
NONE = "-"
TOKEN_LENGTH_MAX = 255
UNSAFE = re.compile(r"[\s.*>\x00-\x1f\x7f]")
TASK = "ECS Task State Change"
INSTANCE = "ECS Container Instance State Change"
ACTION = "ECS Service Action"
DEPLOYMENT = "ECS Deployment State Change"

EVENT_ATTACHMENTS = {"ElasticNetworkInterface": "eni"}
"""What EventBridge's events call the attachments of a task (spec §12.2)."""
PLAIN: dict[type, tuple[str, str]] = {
    ServiceSteadyStateReached: ("INFO", "SERVICE_STEADY_STATE"),
    ServiceTaskStartImpaired: ("WARN", "SERVICE_TASK_START_IMPAIRED"),
    TaskSetSteadyStateReached: ("INFO", "TASKSET_STEADY_STATE"),
    ServiceRebalancingStarted: ("INFO", "SERVICE_REBALANCING_STARTED"),
    ServiceRebalancingCompleted: ("INFO", "SERVICE_REBALANCING_COMPLETED"),
    ServiceRebalancingStopped: ("INFO", "SERVICE_REBALANCING_STOPPED"),
    ServiceScaleInBlocked: ("INFO", "TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION"),
}
"""Service actions of which there is no more to say."""

_encoder = msgspec.json.Encoder()


class Item(msgspec.Struct, frozen=True):
    """One event, and where it is: the ``index``-th of the ``number``-th commit of the envelope at ``sequence``."""

    sequence: int
    number: int
    index: int
    commit: Commit
    event: AnyEvent | TasksActed

    @property
    def place(self) -> tuple[int, int, int]:
        """Its place among all events."""
        return self.sequence, self.number, self.index


def subject(item: Item) -> str:
    """Name the subject an event goes out on."""
    namespace = item.commit.scope()
    event = item.event
    about = ("service", event.service) if isinstance(event, TasksActed) else (noun(event), name_of(event))
    tokens = (getattr(event, "cluster", NONE), *about, type(event).__name__)
    return f"{PREFIX}{namespace.region}.{namespace.account}." + ".".join(safe(token) for token in tokens)


def safe(token: str) -> str:
    """Make one token of a subject: what NATS would misread becomes an underscore."""
    return UNSAFE.sub("_", token)[:TOKEN_LENGTH_MAX] or NONE


def headers(item: Item) -> dict[str, str]:
    """Say where an event comes from."""
    commit = item.commit
    said = {
        SEQUENCE: str(item.sequence),
        COMMIT: commit.id,
        ACTOR: commit.actor,
        MESSAGE_ID: ".".join(map(str, item.place)),
    }
    return {**said, CAUSE: commit.cause} if commit.cause else said


def payload(item: Item, identity: str, described: shapes.Task | shapes.ContainerInstance | None) -> bytes:
    """Write an event as EventBridge would deliver it; ``identity`` is the log's."""
    commit = item.commit
    namespace = commit.scope()
    kind, resources, detail = _shape(namespace, item.event, commit.at)
    if described is not None:
        detail = {**detail, **_described(described)}
    detail["quarterdeck"] = {
        "sequence": item.sequence,
        "commit": commit.id,
        "actor": commit.actor,
        "cause": commit.cause,
        "operation": commit.operation,
    }
    if not isinstance(item.event, TasksActed):
        detail["quarterdeck"]["event"] = _published(item.event)
    envelope = {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{identity} {item.place}")),
        "detail-type": kind,
        "source": "aws.ecs",
        "account": namespace.account,
        "time": _time(commit.at, "seconds"),
        "region": namespace.region,
        "resources": resources,
        "detail": detail,
    }
    return _encoder.encode(envelope)


def _shape(namespace: Namespace, event: AnyEvent | TasksActed, at: float) -> tuple[str, list[str], dict[str, Any]]:
    """Find detail-type, resources and what of the detail the event itself says."""
    updated = {"updatedAt": _time(at)}
    if isinstance(event, TaskEvent):
        arn = namespace.task_arn(event.cluster, event.task)
        kind = _own(event) if isinstance(event, ExecuteCommandRequested) else TASK
        return kind, [arn], {"taskArn": arn, "clusterArn": namespace.cluster_arn(event.cluster), **updated}
    if isinstance(event, ContainerInstanceEvent):
        arn = namespace.container_instance_arn(event.cluster, event.container_instance)
        kind = _own(event) if isinstance(event, AgentLost) else INSTANCE
        return kind, [arn], {"containerInstanceArn": arn, "clusterArn": namespace.cluster_arn(event.cluster), **updated}
    if isinstance(event, ServiceEvent):
        return _service(namespace, event, at)
    return _own(event), _resources(namespace, event), {}


def _resources(namespace: Namespace, event: AnyEvent) -> list[str]:
    if isinstance(event, TaskDefinitionEvent):
        return [namespace.task_definition_arn(f"{event.family}:{event.revision}")]
    if isinstance(event, CapacityProviderEvent):
        return [namespace.capacity_provider_arn(event.capacity_provider)]
    if isinstance(event, AccountSettingEvent):
        return [event.principal]
    if isinstance(event, AlarmStateChanged):
        return [event.alarm]
    if isinstance(event, TagEvent):
        return [event.resource]
    if isinstance(event, SecretEvent):
        return []
    return [namespace.cluster_arn(event.cluster)]


def _service(namespace: Namespace, event: ServiceEvent, at: float) -> tuple[str, list[str], dict[str, Any]]:
    resources = [namespace.service_arn(event.cluster, event.service)]
    action = {"clusterArn": namespace.cluster_arn(event.cluster), "createdAt": _time(at)}
    if type(event) in PLAIN:
        kind, name = PLAIN[type(event)]
        return ACTION, resources, {"eventType": kind, "eventName": name, **action}
    match event:
        case TasksActed():
            arns = [namespace.task_arn(event.cluster, each) for each in event.tasks]
            detail = {"eventType": "INFO", "eventName": ACTIONS[type(event)], "taskArns": arns}
            return ACTION, resources, {**detail, **action}
        case ServiceTaskPlacementFailed() | ServiceDesiredCountChanged() | ServiceDaemonConstraintViolated():
            return ACTION, resources, {**_of_placement(namespace, event), **action}
        case DeploymentStarted() | DeploymentCompleted() | DeploymentFailed():
            return DEPLOYMENT, resources, _deployment(event, at)
        case _:
            return _own(event), resources, {}


def _of_placement(
    namespace: Namespace,
    event: ServiceTaskPlacementFailed | ServiceDesiredCountChanged | ServiceDaemonConstraintViolated,
) -> dict[str, Any]:
    match event:
        case ServiceDesiredCountChanged():
            name = "SERVICE_DESIRED_COUNT_UPDATED"
            return {"eventType": "INFO", "eventName": name, "desiredCount": event.desired_count}
        case ServiceDaemonConstraintViolated():
            detail = {"eventType": "ERROR", "eventName": "SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED"}
            tried = event.container_instances
        case ServiceTaskPlacementFailed():
            detail = {"eventType": "ERROR", "eventName": "SERVICE_TASK_PLACEMENT_FAILURE", "reason": _reason(event)}
            tried = [event.closest] if event.closest else []
    arn = namespace.container_instance_arn
    return {**detail, "containerInstanceArns": [arn(event.cluster, each) for each in tried]}


def _reason(event: ServiceTaskPlacementFailed) -> str:
    """Say in ECS's words what is missing: an instance that is not ACTIVE counts as one that is not heard."""
    return REASONS.get(event.reason, event.reason) or "NO ACTIVE INSTANCES"


def _deployment(event: DeploymentStarted | DeploymentCompleted | DeploymentFailed, at: float) -> dict[str, Any]:
    match event:
        case DeploymentStarted():
            name, reason = "IN_PROGRESS", event.reason or f"ECS deployment {event.deployment} in progress."
        case DeploymentCompleted():
            name, reason = "COMPLETED", f"ECS deployment {event.deployment} completed."
        case DeploymentFailed():
            name, reason = "FAILED", event.reason
    return {
        "eventType": "ERROR" if name == "FAILED" else "INFO",
        "eventName": f"SERVICE_DEPLOYMENT_{name}",
        "deploymentId": event.deployment,
        "updatedAt": _time(at, "seconds"),
        "reason": reason,
    }


def _described(described: shapes.Task | shapes.ContainerInstance) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(described)
    for attachment in document.get("attachments") or ():
        attachment["type"] = EVENT_ATTACHMENTS.get(attachment["type"], attachment["type"])
    times = {name: _time(value) for name, value in document.items() if name.endswith("At")}
    return {**document, **times}


def _published(event: AnyEvent) -> AnyEvent:
    """Tell outsiders that a secret has changed, not even sealed what it is."""
    return msgspec.structs.replace(event, sealed="") if isinstance(event, SecretStored) else event


def _own(event: object) -> str:
    return f"Quarterdeck {type(event).__name__}"


def _time(at: float, precision: str = "milliseconds") -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
