"""Tag: how the tags of what there is change; those it was created with are told by that event."""

from quarterdeck.events import shapes
from quarterdeck.events.base import Event
from quarterdeck.events.names import parse_arn


class TagEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about the tags of one resource, by ARN."""

    resource: str

    @property
    def cluster(self) -> str:
        """Name the cluster the resource is, or is in; empty for what is in none."""
        arn = parse_arn(self.resource)
        return arn.path[0] if arn is not None and (arn.kind == "cluster" or len(arn.path) > 1) else ""


class ResourceTagged(TagEvent, frozen=True, kw_only=True, gc=False):
    """A resource got tags; those of a key it had have another value."""

    tags: list[shapes.Tag]


class ResourceUntagged(TagEvent, frozen=True, kw_only=True, gc=False):
    """A resource lost the tags of these keys."""

    keys: list[str]
