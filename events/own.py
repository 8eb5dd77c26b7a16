"""Own: the shapes of operations that ECS does not have.

ExplainPlacement says why tasks are where they are; PutAlarmState tells of alarms that deployments depend on.
"""

from __future__ import annotations

from quarterdeck.events.shapes import NetworkConfiguration, PlacementConstraint, PlacementStrategy, Shape, TaskOverride


class PlacementVerdict(Shape, frozen=True, kw_only=True, gc=False):
    """One instance's row in a decision: its first failing check with the numbers, and what was compared if it fits.

    ``scores`` is what the placement strategies compared, in their order; without any, it is the tasks of the group
    in the zone and on the instance.
    """

    container_instance_arn: str | None = None
    zone: str | None = None
    zone_tasks: int | None = None
    instance_tasks: int | None = None
    fits: bool | None = None
    reason: str | None = None
    detail: str | None = None
    chosen: bool | None = None
    scores: dict[str, int] | None = None


class PlacementDecision(Shape, frozen=True, kw_only=True, gc=False):
    """One decision: where it is in the log, who asked for what, what came of it, and every instance's verdict.

    ``outcome``    PLACED; FAILED (no instance could take the task, or none could in time); QUEUED (none could, it
                   waits for one); STARTED (the caller named the instance); DRY_RUN (nothing was asked for: what
                   would happen now)
    ``agrees``     whether the same rule on the same state chooses the same instance again
    ``preference`` what is compared between instances that fit; ``tie_break`` what decided between the first of them
    """

    outcome: str | None = None
    sequence: int | None = None
    commit: str | None = None
    at: float | None = None
    actor: str | None = None
    cluster: str | None = None
    group: str | None = None
    task_definition: str | None = None
    task: str | None = None
    count: int | None = None
    container_instance_arn: str | None = None
    zone: str | None = None
    agrees: bool | None = None
    preference: str | None = None
    tie_break: str | None = None
    verdicts: list[PlacementVerdict] | None = None


class ExplainPlacementRequest(Shape, frozen=True, kw_only=True, gc=False):
    """Asks about one thing.

    ``task``             an id, how it begins, or an ARN: why it was placed where it is, or waits
    ``placement``        a position of the log or the id of a commit: every placement decided there, failed ones too
    ``service``          a name or ARN: what it is waiting for now, and where its next task would go
    ``task_definition``  where a task of it would go now, or what stops it; with ``service``, as a task of that service
    """

    cluster: str | None = None
    task: str | None = None
    placement: str | None = None
    service: str | None = None
    task_definition: str | None = None
    group: str | None = None
    overrides: TaskOverride | None = None
    placement_constraints: list[PlacementConstraint] | None = None
    placement_strategy: list[PlacementStrategy] | None = None
    network_configuration: NetworkConfiguration | None = None


class ExplainPlacementResponse(Shape, frozen=True, kw_only=True, gc=False):
    """The decisions asked for; for a service, or a task without a place, also what it waits for, in sentences."""

    decisions: list[PlacementDecision] | None = None
    waiting_for: list[str] | None = None


class PutAlarmStateRequest(Shape, frozen=True, kw_only=True, gc=False):
    """An alarm, by name, its state (OK, ALARM or INSUFFICIENT_DATA) and why; as CloudWatch's SetAlarmState."""

    alarm_name: str | None = None
    state_value: str | None = None
    state_reason: str | None = None


class PutAlarmStateResponse(Shape, frozen=True, kw_only=True, gc=False):
    """Nothing: it is noted."""
