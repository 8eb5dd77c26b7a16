"""Nouns: what events are about, each the name of a module of events; by itself, so that a command line starts fast."""

NOUNS = (
    "account_setting",
    "alarm",
    "capacity_provider",
    "cluster",
    "container_instance",
    "secret",
    "service",
    "tag",
    "task",
    "task_definition",
    "task_set",
)
