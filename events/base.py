"""Event: one immutable fact, in the past tense and in ECS's words."""

import msgspec


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename="camel",
    tag_field="type",
    tag=True,
):
    """What all events have in common: a type, and JSON in ECS's spelling."""


class ClusterEvent(Event, frozen=True, kw_only=True):
    """An event about something inside a cluster, or the cluster itself."""

    cluster: str
