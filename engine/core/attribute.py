"""Attribute: deciding on the custom attributes of container instances (spec §4.4)."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from quarterdeck.engine.core.errors import (
    AttributeLimitExceededException,
    InvalidParameterException,
    TargetNotFoundException,
)
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import AttributesDeleted, AttributesPut
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.states import ClusterState

ATTRIBUTES_PER_CALL_MAX = 10
CUSTOM_ATTRIBUTES_MAX = 10
TARGET = "container-instance"
RESERVED = ("ecs.", "com.amazonaws.", "quarterdeck.")
"""Built-in attributes, capabilities, and what is told through attributes; all belong to the agent."""

_NAME = re.compile(r"[A-Za-z0-9_./\\-]{1,128}")
_VALUE = re.compile(r"(?! )[A-Za-z0-9_.@/\\: -]{1,128}(?<! )")

Wanted = dict[str, dict[str, str | None]]
"""By instance: names and values; None if a value was not given."""


def put(turn: Turn, request: shapes.PutAttributesRequest) -> list[shapes.Attribute]:
    """Give instances attributes, all of them or none; gives them as they are now."""
    cluster = turn.cluster(request.cluster)
    wanted = _wanted(turn, cluster, request.attributes)
    for name, values in wanted.items():
        _check_room(name, cluster.instances[name].attributes.keys(), values)
    for name, values in wanted.items():
        held = cluster.instances[name].attributes
        changed = [
            shapes.Attribute(name=key, value=value or None)
            for key, value in values.items()
            if held.get(key) != (value or "")
        ]
        if changed:
            turn.emit(AttributesPut(cluster=cluster.name, container_instance=name, attributes=changed))
    return _told(turn, cluster, wanted)


def delete(turn: Turn, request: shapes.DeleteAttributesRequest) -> list[shapes.Attribute]:
    """Take attributes away; with a value only where it is that; one that is not there is no error."""
    cluster = turn.cluster(request.cluster)
    wanted = _wanted(turn, cluster, request.attributes)
    for name, values in wanted.items():
        held = cluster.instances[name].attributes
        gone = [key for key, value in values.items() if key in held and value in {None, held[key]}]
        if gone:
            turn.emit(AttributesDeleted(cluster=cluster.name, container_instance=name, names=gone))
    return _told(turn, cluster, wanted)


def check_registered(instance: str, attributes: list[shapes.Attribute], held: AbstractSet[str] = frozenset()) -> None:
    """Refuse custom attributes that no instance can have, or more of them than one can, beside those it held."""
    for each in attributes:
        if is_custom(each.name or ""):
            _check_words(each)
    _check_room(instance, held, [each.name or "" for each in attributes])


def is_custom(name: str) -> bool:
    """Tell whether callers may set an attribute, and it counts for their limit."""
    return not name.startswith(RESERVED)


def _wanted(turn: Turn, cluster: ClusterState, attributes: list[shapes.Attribute] | None) -> Wanted:
    if not attributes:
        raise InvalidParameterException("attributes can not be empty")
    if len(attributes) > ATTRIBUTES_PER_CALL_MAX:
        raise InvalidParameterException(
            f"The number of attributes must be from 1 to {ATTRIBUTES_PER_CALL_MAX}, not {len(attributes)}."
        )
    wanted: Wanted = {}
    for each in attributes:
        _check(each)
        wanted.setdefault(_target(turn, cluster, each).id, {})[each.name or ""] = each.value
    return wanted


def _check(attribute: shapes.Attribute) -> None:
    _check_words(attribute)
    if not is_custom(attribute.name or ""):
        raise InvalidParameterException(f"The attribute {attribute.name} belongs to ECS and can not be changed.")
    if attribute.target_type not in {None, TARGET}:
        raise InvalidParameterException(f"targetType must be {TARGET}")


def _check_words(attribute: shapes.Attribute) -> None:
    name, value = attribute.name or "", attribute.value or ""
    if not _NAME.fullmatch(name):
        raise InvalidParameterException(
            "Attribute names must have 1 to 128 letters, digits, hyphens, underscores, slashes, backslashes or periods."
        )
    if value and not _VALUE.fullmatch(value):
        raise InvalidParameterException(
            "Attribute values must have 1 to 128 letters, digits, hyphens, underscores, periods, at signs, slashes, "
            "backslashes, colons or spaces, and no space at either end."
        )


def _target(turn: Turn, cluster: ClusterState, attribute: shapes.Attribute) -> InstanceState:
    reference = attribute.target_id or ""
    if not reference:
        raise InvalidParameterException("targetId can not be blank.")
    if attribute.target_type is None and not reference.startswith("arn:"):
        raise InvalidParameterException("targetType must be given when targetId is not a full ARN.")
    instance = cluster.instances.get(turn.local(TARGET, reference, cluster.name))
    if instance is None or instance.status == "INACTIVE":
        raise TargetNotFoundException(f"The container instance {reference} was not found.")
    return instance


def _check_room(instance: str, held: AbstractSet[str], names: Iterable[str]) -> None:
    custom = {name for name in (*held, *names) if is_custom(name)}
    if len(custom) > CUSTOM_ATTRIBUTES_MAX and not custom <= held:
        raise AttributeLimitExceededException(
            f"Container instance {instance} can have at most {CUSTOM_ATTRIBUTES_MAX} custom attributes."
        )


def _told(turn: Turn, cluster: ClusterState, wanted: Wanted) -> list[shapes.Attribute]:
    return [
        shapes.Attribute(
            name=name, value=value or None, target_id=turn.namespace.container_instance_arn(cluster.name, instance)
        )
        for instance, values in wanted.items()
        for name, value in values.items()
    ]
