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
    gc=False,
):
    """What all events have in common: a type, and JSON in ECS's spelling.

    Facts hold no cycles, so the collector of cycles need not look at them.
    """


class ClusterEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about something inside a cluster, or the cluster itself."""

    cluster: str
