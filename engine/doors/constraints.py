"""Constraints: holds a decoded request against what ECS's model asks beside types: required, ranges, lengths, values.

Decisions know ECS's own text for much of it, and theirs comes first: the members in OWN_TEXTS are left to them. What
is left gets the sentence AWS's services share: ``Value '7' at 'tags.1.member.key' failed to satisfy constraint: …``.
"""

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from quarterdeck.engine.core.errors import (
    ClientException,
    InvalidParameterException,
    Refusal,
    SerializationException,
)
from quarterdeck.events import constraints, shapes

WHOLE = {limit for bits in (31, 63) for limit in (-(1 << bits), (1 << bits) - 1)}
"""The ends of AWS's types of whole numbers: what is beyond them is no number of the type at all."""
VALUE_CHARACTERS_MAX = 100

OWN_TEXTS = frozenset(
    {
        "Attribute.name",
        "Attribute.targetType",
        "CapacityProviderStrategyItem.base",
        "CapacityProviderStrategyItem.weight",
        "CreateCapacityProviderRequest.name",
        "DeleteAccountSettingRequest.name",
        "DescribeCapacityProvidersRequest.include",
        "ExecuteCommandConfiguration.logging",
        "ListAccountSettingsRequest.name",
        "ListAttributesRequest.targetType",
        "ListTagsForResourceRequest.resourceArn",
        "ManagedScaling.instanceWarmupPeriod",
        "ManagedScaling.maximumScalingStepSize",
        "ManagedScaling.minimumScalingStepSize",
        "ManagedScaling.status",
        "ManagedScaling.targetCapacity",
        "PutAccountSettingDefaultRequest.name",
        "PutAccountSettingRequest.name",
        "PutClusterCapacityProvidersRequest.cluster",
        "TagResourceRequest.resourceArn",
        "UntagResourceRequest.resourceArn",
        "UpdateClusterRequest.cluster",
        "UpdateClusterSettingsRequest.cluster",
        "ContainerDefinition.name",
        "CreateServiceRequest.launchType",
        "CreateServiceRequest.schedulingStrategy",
        "CreateServiceRequest.serviceName",
        "DeleteClusterRequest.cluster",
        "DeleteTaskDefinitionsRequest.taskDefinitions",
        "DeleteServiceRequest.service",
        "DeregisterContainerInstanceRequest.containerInstance",
        "DeregisterTaskDefinitionRequest.taskDefinition",
        "DescribeClustersRequest.include",
        "DescribeContainerInstancesRequest.containerInstances",
        "DescribeContainerInstancesRequest.include",
        "DescribeServicesRequest.include",
        "DescribeServicesRequest.services",
        "DescribeTaskDefinitionRequest.include",
        "DescribeTaskDefinitionRequest.taskDefinition",
        "DescribeTaskSetsRequest.include",
        "DescribeTasksRequest.include",
        "DescribeTasksRequest.tasks",
        "ClusterSetting.name",
        "ListContainerInstancesRequest.status",
        "ListServicesRequest.launchType",
        "ListServicesRequest.schedulingStrategy",
        "ListTaskDefinitionFamiliesRequest.status",
        "ListTaskDefinitionsRequest.sort",
        "ListTaskDefinitionsRequest.status",
        "ListTasksRequest.desiredStatus",
        "PortMapping.protocol",
        "RegisterTaskDefinitionRequest.containerDefinitions",
        "RegisterTaskDefinitionRequest.family",
        "RegisterTaskDefinitionRequest.networkMode",
        "RunTaskRequest.launchType",
        "RunTaskRequest.taskDefinition",
        "StartTaskRequest.containerInstances",
        "StartTaskRequest.taskDefinition",
        "StopTaskRequest.task",
        "SubmitAttachmentStateChangesRequest.attachments",
        "Tag.key",
        "TaskDefinitionPlacementConstraint.type",
        "Tag.value",
        "UpdateContainerInstancesStateRequest.containerInstances",
        "UpdateContainerInstancesStateRequest.status",
        "UpdateServiceRequest.service",
    }
)
"""Structure.member: what decisions and reads refuse in ECS's own words, wherever it is wrong."""


class Broken(msgspec.Struct):
    """A rule that does not hold, with the way to it, told backwards, and the code for it."""

    rule: str
    value: object
    path: list[str]
    fits: bool = True

    def __str__(self) -> str:
        """Say it as AWS's services do."""
        where = ".".join(reversed(self.path))
        shown = "null" if self.value is None else f"'{str(self.value)[:VALUE_CHARACTERS_MAX]}'"
        return f"1 validation error detected: Value {shown} at '{where}' failed to satisfy constraint: {self.rule}"


Value = Any
Check = Callable[[Value], Broken | None]


def hold(operation: str, request: msgspec.Struct) -> None:
    """Hold a request against its constraints. Raises ClientException, Invalid-, or SerializationException."""
    check = _structure(type(request).__name__)
    broken = check(request) if check is not None else None
    if broken is not None:
        raise _refusal(operation, broken)


def _refusal(operation: str, broken: Broken) -> Refusal:
    if not broken.fits:
        return SerializationException(
            f"{operation}: '{'.'.join(reversed(broken.path))}' is out of the range of its type."
        )
    kind = ClientException if operation == "RegisterTaskDefinition" else InvalidParameterException
    return kind(str(broken))


@cache
def _check(shape: str) -> Check | None:
    if shape in constraints.STRUCTURES:
        return _structure(shape)
    if shape in constraints.LISTS:
        return _list(*constraints.LISTS[shape])
    if shape in constraints.NUMBERS:
        return _number(*constraints.NUMBERS[shape])
    if shape in shapes.ENUMS:
        return _value(shapes.ENUMS[shape])
    return _text(*constraints.TEXTS[shape])


@cache
def _structure(name: str) -> Check | None:
    members = constraints.STRUCTURES.get(name)
    if members is None:
        return None
    attributes = {each.encode_name: each.name for each in msgspec.structs.fields(getattr(shapes, name))}
    rows = [(attributes[wire], wire, *_row(f"{name}.{wire}", *row)) for wire, row in members.items()]

    def check(value: Value) -> Broken | None:
        for attribute, wire, required, inner in rows:
            found = getattr(value, attribute)
            if found is None:
                if required:
                    return Broken("Member must not be null", None, [wire])
            elif inner is not None and (broken := inner(found)) is not None:
                broken.path.append(wire)
                return broken
        return None

    return check


def _row(member: str, required: bool, shape: str) -> tuple[bool, Check | None]:  # noqa: FBT001 - a row of the table
    if member not in OWN_TEXTS:
        return required, _check(shape) if shape else None
    held = constraints.LISTS.get(shape, (shape, None, None))[0]
    return False, _check(shape) if held in constraints.STRUCTURES else None


def _list(held: str, least: int | None, most: int | None) -> Check:
    length = _length(least, most)
    inner = _check(held) if held else None

    def check(value: Value) -> Broken | None:
        if length is not None and (broken := length(value)) is not None:
            return broken
        for place, each in enumerate(value if inner is not None else (), 1):
            if each is not None and inner is not None and (broken := inner(each)) is not None:
                broken.path += ["member", str(place)]
                return broken
        return None

    return check


def _number(least: float | None, most: float | None) -> Check:
    low = -math.inf if least is None else least
    high = math.inf if most is None else most

    def check(value: Value) -> Broken | None:
        if low <= value <= high:
            return None
        if value < low:
            return Broken(f"Member must have value greater than or equal to {low}", value, [], low not in WHOLE)
        return Broken(f"Member must have value less than or equal to {high}", value, [], high not in WHOLE)

    return check


def _value(values: tuple[str, ...]) -> Check:
    known = frozenset(values)

    def check(value: Value) -> Broken | None:
        if value in known:
            return None
        return Broken(f"Member must satisfy enum value set: [{', '.join(values)}]", value, [])

    return check


def _text(least: int | None, most: int | None, pattern: str) -> Check:
    length = _length(least, most)
    fits = re.compile(pattern).fullmatch if pattern else None

    def check(value: Value) -> Broken | None:
        if length is not None and (broken := length(value)) is not None:
            return broken
        if fits is not None and not fits(value):
            return Broken(f"Member must satisfy regular expression pattern: {pattern}", value, [])
        return None

    return check


def _length(least: int | None, most: int | None) -> Check | None:
    if not least and most is None:
        return None
    low, high = least or 0, math.inf if most is None else most

    def check(value: Value) -> Broken | None:
        if low <= len(value) <= high:
            return None
        if len(value) < low:
            return Broken(f"Member must have length greater than or equal to {low}", value, [])
        return Broken(f"Member must have length less than or equal to {high}", value, [])

    return check
