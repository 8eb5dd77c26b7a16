"""Tag: deciding on the tags of what there is (spec §2.4)."""

from quarterdeck.engine.core.errors import (
    ClusterNotFoundException,
    InvalidParameterException,
    LimitExceededException,
    ResourceNotFoundException,
)
from quarterdeck.engine.core.tags import RESERVED_PREFIX, TAGS_MAX, checked_tags
from quarterdeck.engine.core.turn import Turn, local_name
from quarterdeck.events import shapes
from quarterdeck.events.names import Arn, Namespace, parse_arn
from quarterdeck.events.tag import ResourceTagged, ResourceUntagged
from quarterdeck.projections.live import tag as live

KINDS = {
    "capacity-provider": 1,
    "cluster": 1,
    "container-instance": 2,
    "service": 2,
    "task": 2,
    "task-definition": 1,
    "task-set": 4,
}
"""What can have tags, and how many parts the path of its long ARN has."""

PREDEFINED = ("FARGATE", "FARGATE_SPOT")


def tag(turn: Turn, request: shapes.TagResourceRequest) -> None:
    """Add tags; those of a key that is there get another value."""
    arn = checked_arn(turn.namespace, request.resource_arn)
    found = _existing(turn, arn)
    added = checked_tags(request.tags)
    after = live.with_tags(found.tags, added)
    if sum(not is_reserved(each.key) for each in after) > TAGS_MAX:
        raise LimitExceededException(f"Too many tags. A resource can have at most {TAGS_MAX}.")
    if after != list(found.tags):
        turn.emit(ResourceTagged(resource=request.resource_arn or "", tags=added))


def untag(turn: Turn, request: shapes.UntagResourceRequest) -> None:
    """Take tags away; one that is not there is no error."""
    arn = checked_arn(turn.namespace, request.resource_arn)
    found = _existing(turn, arn)
    keys = request.tag_keys or []
    if any(is_reserved(key) for key in keys):
        raise InvalidParameterException(f"Tags with the prefix {RESERVED_PREFIX} can not be removed.")
    held = {each.key for each in found.tags}
    gone = [key for key in dict.fromkeys(keys) if key in held]
    if gone:
        turn.emit(ResourceUntagged(resource=request.resource_arn or "", keys=gone))


def drop(turn: Turn, resource: str) -> None:
    """Take all tags away: StopTask does so to its task (spec §2.4)."""
    arn = parse_arn(resource)
    found = live.resource(turn.state, arn) if arn is not None else None
    if found is not None and found.tags:
        turn.emit(ResourceUntagged(resource=resource, keys=[each.key or "" for each in found.tags]))


def is_reserved(key: str | None) -> bool:
    """Tell whether a tag is AWS's own: callers can't change it, and it is not counted."""
    return (key or "").lower().startswith(RESERVED_PREFIX)


def checked_arn(namespace: Namespace, reference: str | None) -> Arn:
    """Take apart the ARN of something that can have tags. Raises InvalidParameterException."""
    arn = parse_arn(reference or "")
    if arn is None or arn.kind not in KINDS:
        raise InvalidParameterException("The ARN provided is invalid.")
    local_name(namespace, arn.kind, reference or "")
    if len(arn.path) < KINDS[arn.kind]:
        raise InvalidParameterException("Long arn format must be used for tagging operations")
    if len(arn.path) > KINDS[arn.kind]:
        raise InvalidParameterException("The ARN provided is invalid.")
    if arn.kind == "capacity-provider" and arn.path[0] in PREDEFINED:
        raise InvalidParameterException(f"The capacity provider {arn.path[0]} can not have tags.")
    return arn


def inactive(arn: Arn) -> InvalidParameterException:
    """Say that something is there no more, in the words ECS has for clusters."""
    noun = arn.kind.replace("-", " ")
    return InvalidParameterException(f"The specified {noun} is inactive. Specify an active {noun} and try again.")


def not_found(arn: Arn) -> str:
    """Say that something was never there."""
    return f"The specified {arn.kind.replace('-', ' ')} was not found."


def _existing(turn: Turn, arn: Arn) -> live.Tagged:
    if (arn.kind == "cluster" or len(arn.path) > 1) and arn.path[0] not in turn.state.clusters:
        raise ClusterNotFoundException("Cluster not found.")
    found = live.resource(turn.state, arn)
    if found is None:
        raise ResourceNotFoundException(not_found(arn))
    status = getattr(found, "last_status", None) or getattr(found, "status", "")
    if arn.kind == "task" and status == "STOPPED":
        raise InvalidParameterException("The specified task is stopped. Specify a running task and try again.")
    if arn.kind not in {"task", "task-definition"} and status == "INACTIVE":
        raise inactive(arn)
    return found
