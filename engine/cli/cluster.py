"""Cluster: clusters, for people."""

from quarterdeck.engine.cli import nouns
from quarterdeck.engine.cli.table import Column

CLUSTER = nouns.Noun(
    name="cluster",
    columns=(
        Column("cluster", lambda each: each.cluster_name),
        Column("status", lambda each: each.status),
        Column("instances", lambda each: each.registered_container_instances_count),
        Column("services", lambda each: each.active_services_count),
        Column("running", lambda each: each.running_tasks_count),
        Column("pending", lambda each: each.pending_tasks_count),
        Column("capacity providers", lambda each: each.capacity_providers, wide=True),
    ),
    include=("SETTINGS", "STATISTICS", "TAGS"),
    sections=lambda each: [
        (
            "Statistics",
            (Column("name", lambda pair: pair.name), Column("value", lambda pair: pair.value)),
            each.statistics,
        ),
        ("Tags", (Column("key", lambda tag: tag.key), Column("value", lambda tag: tag.value)), each.tags),
    ],
)

command = nouns.group(CLUSTER, "List and describe clusters.")
