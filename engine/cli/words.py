"""Words: an event in one line for people: what happened, and why."""

import re
from datetime import UTC, datetime

from quarterdeck.events import (
    account_setting,
    alarm,
    capacity_provider,
    cluster,
    container_instance,
    service,
    tag,
    task,
    task_definition,
)
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.explanation import Explanation
from quarterdeck.events.names import short_name

ID_DIGITS = 8
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def time(at: float) -> str:
    """Write a time as ISO 8601, in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(text: str) -> str:
    """Keep what others wrote in its line, and from moving the cursor: control characters become one space."""
    return _CONTROLS.sub(" ", text).rstrip()


def actor(name: str) -> str:
    """Shorten an actor: a principal to its last part, an agent to the first digits of its instance."""
    kind, _, instance = name.partition("/")
    if kind == "agent" and instance:
        return f"agent/{instance[:ID_DIGITS]}"
    return name.rpartition(":")[2] if name.startswith("arn:") else name


def words(event: AnyEvent) -> str:
    """Say what happened and why, in a few words; empty where the type says it all."""
    match event:
        case task.TaskEvent():
            return _task(event)
        case service.ServiceEvent():
            return _service(event)
        case container_instance.ContainerInstanceEvent():
            return _instance(event)
        case task.TaskPlacementFailed():
            return f"{event.count} of {event.task_definition} found no room: {_rejected(event.explanation)}"
        case task_definition.TaskDefinitionRegistered():
            containers = event.definition.container_definitions or []
            return ", ".join(f"{each.name} ({each.image})" for each in containers)
        case _:
            return _record(event)


def reason(event: AnyEvent) -> str:
    """Say why, as far as the event itself knows: a reason given, or what a placement was decided on."""
    explanation = getattr(event, "explanation", None)
    if isinstance(explanation, Explanation):
        return _rejected(explanation) if getattr(event, "count", 0) else _zones(explanation)
    code, text = getattr(event, "stop_code", ""), getattr(event, "reason", "")
    return ": ".join(part for part in (code, text) if part)


def _task(event: task.TaskEvent) -> str:
    match event:
        case task.TaskRequested():
            return f"{event.task_definition} for {event.group}"
        case task.TaskPlaced() | task.TaskQueued():
            return _place(event)
        case task.TaskStarted():
            return ", ".join(_container(each) for each in event.containers)
        case task.TaskStopRequested() | task.TaskStopping():
            return reason(event)
        case task.TaskStopped():
            return "; ".join([reason(event), *(_container(each) for each in event.containers)])
        case _:
            return _within(event)


def _within(event: task.TaskEvent) -> str:
    """Say what happened in a task that did not change its status."""
    match event:
        case task.ContainerStateChanged():
            return _container(event.container)
        case task.ExecuteCommandRequested():
            return f"{event.command} in {event.container}"
        case task.TaskHealthChanged():
            return event.health_status
        case _:
            return ""


def _place(event: task.TaskPlaced | task.TaskQueued) -> str:
    if isinstance(event, task.TaskQueued):
        return f"waits for room: {_rejected(event.explanation) or event.reason}"
    return f"on {event.container_instance[:ID_DIGITS]} in {event.zone}: {reason(event) or 'nothing was chosen'}"


def _container(report: task.ContainerReport) -> str:
    ports = "".join(
        f" :{each.host_port_range or each.host_port}->{each.container_port_range or each.container_port}"
        for each in report.network_bindings
    )
    code = "" if report.exit_code is None else f" with exit code {report.exit_code}"
    why = f" ({report.reason})" if report.reason else ""
    health = f" {report.health_status}" if report.health_status else ""
    again = f", restarted {report.restart_count} times" if report.restart_count else ""
    return f"{report.name} {report.status}{health}{code}{why}{again}{ports}"


def _service(event: service.ServiceEvent) -> str:
    match event:
        case service.ServiceCreated():
            return f"desired {event.desired_count}"
        case service.ServiceUpdated():
            return "settings changed" if event.desired_count is None else f"desired {event.desired_count}"
        case service.ServiceTaskPlacementFailed():
            closest = f", closest {event.closest[:ID_DIGITS]} ({event.reason})" if event.closest else ""
            return f"{event.count} found no room: {_rejected(event.explanation)}{closest}"
        case service.ServiceDesiredCountChanged():
            return f"desired {event.desired_count}"
        case service.ServiceTaskStartImpaired():
            return f"{event.failures} failed to start, next try in {event.delay_seconds:g} s"
        case service.RebalancingEvent():
            return _rebalancing(event)
        case service.DeploymentEvent():
            return _deployment(event)
        case _:
            return ""


def _deployment(event: service.DeploymentEvent) -> str:
    match event:
        case service.DeploymentStarted():
            said = f" of {event.task_definition}" + (f": {event.reason}" if event.reason else "")
        case service.DeploymentCompleted():
            said = ""
        case service.DeploymentFailed():
            said = f": {event.reason}"
        case service.DeploymentFailuresCounted():
            said = f": {event.failures} of {event.threshold} failures"
        case service.DeploymentStopRequested():
            said = f": {event.stop_type}"
        case service.DeploymentBaking():
            said = f" until {time(event.until)}"
        case _:
            said = _stage(event)
    return event.deployment + said


def _rebalancing(event: service.RebalancingEvent) -> str:
    match event:
        case service.ServiceRebalancingStarted() | service.ServiceRebalancingCompleted():
            return ", ".join(f"{count} in {zone}" for zone, count in sorted(event.zones.items()))
        case service.ServiceRebalancingTaskStarted():
            return f"{event.task[:ID_DIGITS]} in {event.zone} for one of {event.source}"
        case service.ServiceRebalancingBlocked():
            return f"to {event.zone}: {event.reason or 'no room'}"
        case service.ServiceRebalancingStopped():
            return event.reason
        case _:
            return ""


def _stage(event: service.DeploymentEvent) -> str:
    match event:
        case service.DeploymentStageEntered():
            return f" entered {event.stage}"
        case service.DeploymentTrafficShifted():
            return f" has {event.production:g} % of production traffic, {event.test:g} % of test traffic"
        case service.DeploymentHookStarted():
            return f" waits for {event.target or event.target_type} in {event.stage}"
        case service.DeploymentHookEnded():
            return f": hook {event.status}" + (f": {event.reason}" if event.reason else "")
        case _:
            return ""


def _instance(event: container_instance.ContainerInstanceEvent) -> str:
    match event:
        case container_instance.ContainerInstanceRegistered():
            size = f"{event.capacity.cpu} CPU units, {event.capacity.memory} MiB"
            return f"{event.instance_type or 'instance'} in {event.zone}: {size}"
        case container_instance.ContainerInstanceStatusChanged():
            return event.status
        case container_instance.AgentDisconnected() | container_instance.RuntimeHealthChanged():
            return ": ".join(each for each in (getattr(event, "status", ""), event.reason) if each)
        case container_instance.AgentLost():
            return f"away for more than {event.after_seconds:g} s"
        case container_instance.ContainerInstanceDeregistered():
            return "by force" if event.force else ""
        case container_instance.AttributesPut():
            return ", ".join(f"{each.name}={each.value}" if each.value else f"{each.name}" for each in event.attributes)
        case container_instance.AttributesDeleted():
            return ", ".join(event.names)
        case _:
            return ""


def _record(event: AnyEvent) -> str:
    match event:
        case alarm.AlarmStateChanged():
            return event.state + (f": {event.reason}" if event.reason else "")
        case tag.ResourceTagged():
            return ", ".join(f"{each.key}={each.value}" for each in event.tags)
        case tag.ResourceUntagged():
            return ", ".join(event.keys)
        case account_setting.AccountSettingPut():
            return f"{event.value} for {actor(event.principal)}"
        case account_setting.AccountSettingDeleted():
            return f"for {actor(event.principal)}"
        case cluster.ClusterCapacityProvidersChanged():
            return ", ".join(event.capacity_providers)
        case capacity_provider.CapacityProviderDeletionFailed():
            return event.reason
        case _:
            return ""


def _zones(explanation: Explanation) -> str:
    counts = ", ".join(f"{zone} had {count}" for zone, count in sorted(explanation.zones.items()))
    return counts + (f"; next {explanation.runner_up[:ID_DIGITS]}" if explanation.runner_up else "")


def _rejected(explanation: Explanation) -> str:
    if not explanation.considered:
        return "there is no instance"
    failed = ", ".join(f"{count} {check}" for check, count in sorted(explanation.rejected.items()))
    return f"of {explanation.considered} instances {failed or 'none fitted'}"


def short(subject: str) -> str:
    """Shorten an identifier of 32 hex digits; names stay."""
    name = short_name(subject)
    return name[:ID_DIGITS] if len(name) == 32 and "-" not in name else subject
