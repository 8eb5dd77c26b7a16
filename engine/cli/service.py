"""Service: services with their deployments, for people."""

from quarterdeck.engine.cli import nouns
from quarterdeck.engine.cli.table import Column, when

EVENTS_MAX = 10

DEPLOYMENTS = (
    Column("deployment", lambda each: each.id),
    Column("status", lambda each: each.status),
    Column("task definition", lambda each: each.task_definition),
    Column("desired", lambda each: each.desired_count),
    Column("running", lambda each: each.running_count),
    Column("pending", lambda each: each.pending_count),
    Column("failed", lambda each: each.failed_tasks),
    Column("roll-out", lambda each: each.rollout_state),
    Column("reason", lambda each: each.rollout_state_reason, wide=True),
)

SERVICE = nouns.Noun(
    name="service",
    at_once=10,
    include=("TAGS",),
    columns=(
        Column("service", lambda each: each.service_name),
        Column("status", lambda each: each.status),
        Column("desired", lambda each: each.desired_count),
        Column("running", lambda each: each.running_count),
        Column("pending", lambda each: each.pending_count),
        Column("task definition", lambda each: each.task_definition),
        Column("deployments", lambda each: len(each.deployments or []), wide=True),
        Column("launch type", lambda each: each.launch_type, wide=True),
        Column("created", lambda each: when(each.created_at), wide=True),
    ),
    sections=lambda each: [
        ("Deployments", DEPLOYMENTS, each.deployments),
        (
            "Events",
            (Column("at", lambda event: when(event.created_at)), Column("message", lambda event: event.message)),
            (each.events or [])[:EVENTS_MAX],
        ),
        ("Tags", (Column("key", lambda tag: tag.key), Column("value", lambda tag: tag.value)), each.tags),
    ],
)

command = nouns.group(SERVICE, "List and describe services.")
