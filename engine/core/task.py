"""Task: deciding on running, starting, stopping and what agents report (spec §6)."""

import re

import msgspec

from quarterdeck.engine.core import (
    capacity_provider_strategy,
    network_configuration,
    placement_options,
    tag,
    volume_configuration,
)
from quarterdeck.engine.core.checks import detail, first_failing_check
from quarterdeck.engine.core.errors import InvalidParameterException, UnsupportedFeatureException
from quarterdeck.engine.core.overrides import checked_overrides
from quarterdeck.engine.core.placement import Placed, Unplaceable, matrix, place
from quarterdeck.engine.core.queued_task import check_queue, enqueue, may_wait, patience
from quarterdeck.engine.core.tags import checked_tags, managed_tags
from quarterdeck.engine.core.task_definition import usable
from quarterdeck.engine.core.turn import Turn, check_token
from quarterdeck.engine.core.wish import wish
from quarterdeck.events import shapes
from quarterdeck.events.explanation import Explanation
from quarterdeck.events.task import (
    PlacementFailure,
    TaskPlaced,
    TaskPlacementFailed,
    TaskRequested,
    TaskStopped,
    TaskStopRequested,
)
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.rule import Rule
from quarterdeck.projections.live.states import ClusterState, DefinitionState, TaskState
from quarterdeck.projections.live.task import SERVICE_GROUP

COUNT_MAX = 10
INSTANCES_MAX = 10
GROUP_CHARACTERS_MAX = 255
TOKEN_CHARACTERS_MAX = 64
STARTED_BY_MAX = 128
STARTED_BY_START_MAX = 36
FAILURES_MAX = 100
LAUNCH_TYPES = ("EC2", "FARGATE", "EXTERNAL", "FMI", "MANAGED_INSTANCES")
PROPAGATE_TAGS = (None, "TASK_DEFINITION", "NONE")
REASONS = {"STATUS": "AGENT"}
_STARTED_BY = re.compile(r"[A-Za-z0-9_/ -]*")
"""AWS documents no space, but takes it: ecs-deploy starts its tasks as `ECS Deploy`."""


def run(turn: Turn, request: shapes.RunTaskRequest) -> list[shapes.Failure]:
    """Place `count` tasks now; those that fit nowhere become failures, one for each instance, or wait for room.

    More than may wait are refused if none was placed, else they become failures.
    """
    cluster = turn.cluster(request.cluster)
    template = asked(turn, cluster, request)
    seconds, count = patience(template.tags), request.count or 1
    if not seconds and len(cluster.draining) == cluster.room.size:
        raise InvalidParameterException("No Container Instances were found in your cluster.")
    wanted = wish(turn.state, template)
    for done in range(count):
        seed = lot(turn, wanted.rule)
        found = place(cluster, template.group, *wanted, seed)
        if isinstance(found, Unplaceable):
            left = count - done
            if seconds and not done:
                check_queue(cluster, left)
            if not seconds or not may_wait(cluster, left):
                return _fail(turn, cluster, template, left, found)
            for _ in range(left):
                enqueue(turn, template, seconds, found)
            break
        bind(turn, template, found, seed)
    return []


def asked(turn: Turn, cluster: ClusterState, request: shapes.RunTaskRequest) -> TaskRequested:
    """Check a request to run tasks; gives what is asked of a place for each of them."""
    definition = usable(turn, request.task_definition, InvalidParameterException)
    count = 1 if request.count is None else request.count
    if not 1 <= count <= COUNT_MAX:
        raise InvalidParameterException(f"Count must be from 1 to {COUNT_MAX}, not {count}.")
    check_token(request.client_token or "", TOKEN_CHARACTERS_MAX)
    _check_launch(request)
    placement_options.check(request.placement_constraints, request.placement_strategy)
    placement_options.check_together(definition.definition, request.placement_constraints)
    return msgspec.structs.replace(
        _template(cluster, definition, request),
        placement_constraints=request.placement_constraints or [],
        placement_strategy=request.placement_strategy or [],
    )


def lot(turn: Turn, rule: Rule) -> str:
    """Make what chance is drawn from, the id of the task to be placed; empty if nothing is left to chance."""
    return turn.ids.hex() if rule.random else ""


def bind(turn: Turn, template: TaskRequested, found: Placed, seed: str = "") -> str:
    """Make a task after a template and bind it to the place found; gives its id, which is the seed if there is one."""
    return put(turn, template, found.instance, seed, found.explanation)


def put(
    turn: Turn, template: TaskRequested, instance: InstanceState, name: str = "", explanation: Explanation | None = None
) -> str:
    """Make a task after a template and bind it to an instance; without an explanation, it was not chosen."""
    name = name or turn.ids.hex()
    turn.emit(msgspec.structs.replace(template, task=name))
    turn.emit(
        TaskPlaced(
            cluster=template.cluster,
            task=name,
            container_instance=instance.id,
            zone=instance.zone,
            explanation=explanation,
        )
    )
    return name


def start(turn: Turn, request: shapes.StartTaskRequest) -> list[shapes.Failure]:
    """Put one task on each instance named; each that can't take it becomes a failure. Constraints are not asked."""
    cluster = turn.cluster(request.cluster)
    definition = usable(turn, request.task_definition, InvalidParameterException)
    names = request.container_instances or []
    if not 1 <= len(names) <= INSTANCES_MAX:
        raise InvalidParameterException(f"Container instances must be from 1 to {INSTANCES_MAX}, not {len(names)}.")
    template = _template(cluster, definition, request)
    instances = [turn.local("container-instance", each, cluster.name) for each in names]
    need = msgspec.structs.replace(wish(turn.state, template).demand, member_of=())
    failures = []
    for name in instances:
        reason = _start_on(turn, cluster, template, need, name)
        if reason:
            arn = turn.namespace.container_instance_arn(cluster.name, name)
            words = _said(cluster.instances[name], need, reason) if name in cluster.instances else ""
            failures.append(shapes.Failure(arn=arn, reason=reason, detail=words or None))
    return failures


def stop(turn: Turn, request: shapes.StopTaskRequest) -> None:
    """Ask a task to end; one already ending or ended is left as it is."""
    cluster = turn.cluster(request.cluster).name
    task = existing(turn, turn.cluster(request.cluster), request.task)
    if task.desired_status == "RUNNING":
        turn.emit(
            TaskStopRequested(
                cluster=cluster,
                task=task.id,
                stop_code="UserInitiated",
                reason=request.reason or "Task stopped by user",
            )
        )
        if not task.instance:
            turn.emit(TaskStopped(cluster=cluster, task=task.id, stop_code="UserInitiated", reason=task.stop_reason))
        tag.drop(turn, turn.namespace.task_arn(cluster, task.id))


def existing(turn: Turn, cluster: ClusterState, reference: str | None) -> TaskState:
    """Find a task by id or ARN."""
    task = cluster.tasks.get(turn.local("task", reference or "", cluster.name))
    if task is None:
        raise InvalidParameterException("The referenced task was not found.")
    return task


def _start_on(turn: Turn, cluster: ClusterState, template: TaskRequested, need: Demand, name: str) -> str:
    instance = cluster.instances.get(name)
    if instance is None:
        return "MISSING"
    if instance.status != "ACTIVE":
        return instance.status
    reason = first_failing_check(instance, need)
    if reason:
        return reason
    put(turn, template, instance)
    return ""


def _said(instance: InstanceState, need: Demand, reason: str) -> str:
    return detail(instance, need, "STATUS" if reason == instance.status else reason)


def _template(
    cluster: ClusterState,
    definition: DefinitionState,
    request: shapes.RunTaskRequest | shapes.StartTaskRequest,
) -> TaskRequested:
    _check_texts(request, STARTED_BY_MAX if isinstance(request, shapes.RunTaskRequest) else STARTED_BY_START_MAX)
    runnable(definition.definition)
    overrides = checked_overrides(definition.definition, request.overrides)
    network_configuration.check(definition.definition, request.network_configuration)
    volume_configuration.check(definition.definition, request.volume_configurations)
    if request.propagate_tags == "SERVICE":
        raise InvalidParameterException("propagateTags SERVICE is only supported for tasks of a service.")
    if request.propagate_tags not in PROPAGATE_TAGS:
        raise InvalidParameterException("propagateTags should be one of [TASK_DEFINITION,SERVICE,NONE]")
    tags = {each.key: each for each in (definition.tags if request.propagate_tags == "TASK_DEFINITION" else [])}
    tags |= {each.key: each for each in checked_tags(request.tags)}
    if request.enable_ecs_managed_tags:
        tags |= {each.key: each for each in managed_tags(cluster.name)}
    return TaskRequested(
        cluster=cluster.name,
        task="",
        task_definition=definition.name,
        group=request.group or f"family:{definition.name.rpartition(':')[0]}",
        started_by=request.started_by or "",
        overrides=overrides,
        tags=list(tags.values()),
        enable_execute_command=bool(request.enable_execute_command),
        network_configuration=request.network_configuration,
    )


def _check_texts(request: shapes.RunTaskRequest | shapes.StartTaskRequest, started_by_max: int) -> None:
    group = request.group or ""
    if len(group) > GROUP_CHARACTERS_MAX or group.startswith(SERVICE_GROUP):
        raise InvalidParameterException(
            f"Invalid task group: up to {GROUP_CHARACTERS_MAX} characters, and not starting with {SERVICE_GROUP}."
        )
    started_by = request.started_by or ""
    if len(started_by) > started_by_max or not _STARTED_BY.fullmatch(started_by):
        raise InvalidParameterException(
            f"startedBy can have up to {started_by_max} letters (uppercase and lowercase), numbers, hyphens, "
            "slashes and underscores."
        )


def check_launch_type(launch_type: str | None) -> None:
    """Refuse what is no launch type, wherever one is asked for. Raises InvalidParameterException."""
    if launch_type is not None and launch_type not in LAUNCH_TYPES:
        raise InvalidParameterException(f"launch type should be one of [{','.join(LAUNCH_TYPES)}]")


def _check_launch(request: shapes.RunTaskRequest) -> None:
    launch_type = request.launch_type
    if launch_type is not None and request.capacity_provider_strategy:
        raise InvalidParameterException(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    check_launch_type(launch_type)
    if launch_type not in {None, "EC2"}:
        raise UnsupportedFeatureException("Only the launch type EC2 is supported.")
    capacity_provider_strategy.check(request.capacity_provider_strategy)
    if request.platform_version:
        raise InvalidParameterException("The platform version must be null when specifying an EC2 launch type")


def runnable(definition: shapes.TaskDefinition) -> None:
    """Refuse a definition that says it runs elsewhere only."""
    if definition.requires_compatibilities and "EC2" not in definition.requires_compatibilities:
        raise InvalidParameterException("Task definition does not support launch_type EC2.")


def _fail(
    turn: Turn, cluster: ClusterState, template: TaskRequested, count: int, found: Unplaceable
) -> list[shapes.Failure]:
    verdicts = matrix(cluster, template.group, *wish(turn.state, template))[:FAILURES_MAX]
    failures = [
        PlacementFailure(
            container_instance=each.container_instance,
            reason=REASONS.get(each.reason, each.reason),
            detail=each.detail,
        )
        for each in verdicts
    ]
    turn.emit(
        TaskPlacementFailed(
            cluster=cluster.name,
            task_definition=template.task_definition,
            group=template.group,
            started_by=template.started_by,
            count=count,
            explanation=found.explanation,
            failures=failures,
            overrides=template.overrides,
            placement_constraints=template.placement_constraints,
            placement_strategy=template.placement_strategy,
            network_configuration=template.network_configuration,
        )
    )
    return [
        shapes.Failure(
            arn=turn.namespace.container_instance_arn(cluster.name, each.container_instance),
            reason=each.reason,
            detail=each.detail or None,
        )
        for each in failures
    ]
