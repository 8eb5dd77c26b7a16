"""Capacity provider: deciding on the account's own (spec §10.1); they are kept, nothing scales by them yet."""

import msgspec

from quarterdeck.engine.core.errors import ClientException, InvalidParameterException, UnsupportedFeatureException
from quarterdeck.engine.core.tags import checked_tags
from quarterdeck.engine.core.turn import Turn, valid_name
from quarterdeck.events import shapes
from quarterdeck.events.capacity_provider import (
    CapacityProviderCreated,
    CapacityProviderDeleted,
    CapacityProviderDeletionFailed,
    CapacityProviderUpdated,
)
from quarterdeck.projections.live.states import CapacityProviderState, NamespaceState

PREDEFINED = ("FARGATE", "FARGATE_SPOT")
RESERVED_PREFIXES = ("aws", "ecs", "fargate")
SWITCH = ("ENABLED", "DISABLED")
TARGET_CAPACITY_MAX = 100
STEP_SIZE_MAX = 10_000
WARMUP_SECONDS_MAX = 10_000
NEW_SCALING = shapes.ManagedScaling(
    status="ENABLED",
    target_capacity=100,
    minimum_scaling_step_size=1,
    maximum_scaling_step_size=10_000,
    instance_warmup_period=300,
)
NOT_FOUND = "The specified capacity provider was not found. Specify a valid capacity provider and try again."


def create(turn: Turn, request: shapes.CreateCapacityProviderRequest) -> None:
    """Create a capacity provider; one that exists is not created again, whatever is asked."""
    name = _checked_name(request.name)
    if request.managed_instances_provider is not None or request.cluster:
        raise UnsupportedFeatureException("Capacity providers for managed instances are not supported.")
    given = request.auto_scaling_group_provider
    if given is None or not given.auto_scaling_group_arn:
        raise InvalidParameterException("An Auto Scaling group must be specified for the capacity provider.")
    tags = checked_tags(request.tags)
    provider = _checked(given)
    known = turn.state.capacity_providers
    if name in known and known[name].status == "ACTIVE":
        raise ClientException(
            "The specified capacity provider already exists. To change the configuration of an existing capacity "
            "provider, update the capacity provider."
        )
    groups = {each.auto_scaling_group_provider.auto_scaling_group_arn for each in known.values() if _is_active(each)}
    if given.auto_scaling_group_arn in groups:
        raise ClientException(
            "The specified Auto Scaling group ARN is already being used by another capacity provider. "
            "Specify a unique Auto Scaling group ARN and try again."
        )
    turn.emit(CapacityProviderCreated(capacity_provider=name, auto_scaling_group_provider=provider, tags=tags))


def update(turn: Turn, request: shapes.UpdateCapacityProviderRequest) -> None:
    """Change a capacity provider; what is not said stays, and so does its Auto Scaling group."""
    if request.managed_instances_provider is not None:
        raise UnsupportedFeatureException("Capacity providers for managed instances are not supported.")
    found = existing(turn, request.name)
    given = request.auto_scaling_group_provider or shapes.AutoScalingGroupProviderUpdate()
    before = found.auto_scaling_group_provider
    after = _checked(
        shapes.AutoScalingGroupProvider(
            auto_scaling_group_arn=before.auto_scaling_group_arn,
            managed_scaling=_merged(before.managed_scaling, given.managed_scaling),
            managed_termination_protection=given.managed_termination_protection
            or before.managed_termination_protection,
            managed_draining=given.managed_draining or before.managed_draining,
        )
    )
    turn.emit(CapacityProviderUpdated(capacity_provider=found.name, auto_scaling_group_provider=after))


def delete(turn: Turn, request: shapes.DeleteCapacityProviderRequest) -> None:
    """Delete a capacity provider; one in use by a cluster stays, which is told afterwards, as ECS does."""
    if provider_name(turn, request.capacity_provider or "") in PREDEFINED:
        raise ClientException("The FARGATE and FARGATE_SPOT capacity providers are reserved and can not be deleted.")
    found = existing(turn, request.capacity_provider)
    users = [each.name for each in turn.state.clusters.values() if found.name in each.capacity_providers]
    if not users:
        turn.emit(CapacityProviderDeleted(capacity_provider=found.name))
        return
    reason = (
        f"The capacity provider cannot be deleted because it is associated with cluster: {', '.join(sorted(users))}. "
        "Remove the capacity provider from the cluster and try again."
    )
    turn.emit(CapacityProviderDeletionFailed(capacity_provider=found.name, reason=reason))


def existing(turn: Turn, reference: str | None) -> CapacityProviderState:
    """Find a capacity provider of the account's own that is ACTIVE, by name or ARN."""
    if not reference:
        raise InvalidParameterException("Capacity provider can not be blank.")
    found = turn.state.capacity_providers.get(provider_name(turn, reference))
    if found is None or not _is_active(found):
        raise ClientException(NOT_FOUND)
    return found


def provider_name(turn: Turn, reference: str) -> str:
    """Take the name out of a reference, short or ARN."""
    return turn.local("capacity-provider", reference)


def is_usable(state: NamespaceState, name: str) -> bool:
    """Tell whether there is a capacity provider of this name that clusters may use."""
    found = state.capacity_providers.get(name)
    return name in PREDEFINED or (found is not None and _is_active(found))


def _is_active(provider: CapacityProviderState) -> bool:
    return provider.status == "ACTIVE"


def _checked_name(name: str | None) -> str:
    if name is None or not valid_name(name) or name.lower().startswith(RESERVED_PREFIXES):
        raise ClientException(
            "The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters "
            "(upper and lowercase), numbers, underscores, and hyphens. The name cannot be prefixed with "
            '"aws", "ecs", or "fargate".'
        )
    return name


def _checked(given: shapes.AutoScalingGroupProvider) -> shapes.AutoScalingGroupProvider:
    """Fill in ECS's defaults and refuse what is out of bounds."""
    scaling = shapes.ManagedScaling(status="DISABLED")
    if given.managed_scaling not in {None, scaling}:
        scaling = _merged(NEW_SCALING, given.managed_scaling)
    _check_scaling(scaling)
    draining = given.managed_draining or scaling.status
    protection = given.managed_termination_protection or "DISABLED"
    _check_switch("managedTerminationProtection", protection)
    _check_switch("managedDraining", draining)
    return msgspec.structs.replace(
        given, managed_scaling=scaling, managed_termination_protection=protection, managed_draining=draining
    )


def _merged(before: shapes.ManagedScaling | None, given: shapes.ManagedScaling | None) -> shapes.ManagedScaling:
    said = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not None} if given else {}
    return msgspec.structs.replace(before or shapes.ManagedScaling(), **said)


def _check_scaling(scaling: shapes.ManagedScaling) -> None:
    _check_switch("managedScaling status", scaling.status)
    _check_range("targetCapacity", scaling.target_capacity, 1, TARGET_CAPACITY_MAX)
    _check_range("instanceWarmupPeriod", scaling.instance_warmup_period, 0, WARMUP_SECONDS_MAX)
    least, most = scaling.minimum_scaling_step_size or 1, scaling.maximum_scaling_step_size or STEP_SIZE_MAX
    steps = (scaling.minimum_scaling_step_size, scaling.maximum_scaling_step_size)
    if least > most or any(each is not None and not 1 <= each <= STEP_SIZE_MAX for each in steps):
        raise ClientException(
            "The minimum or maximum scaling step size value is invalid. "
            f"Specify values from 1 to {STEP_SIZE_MAX}, the minimum not above the maximum, and try again."
        )


def _check_switch(member: str, value: str | None) -> None:
    if value not in SWITCH:
        raise ClientException(f"{member} should be one of [{','.join(SWITCH)}]")


def _check_range(member: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise ClientException(f"The {member} value is invalid. Specify a value from {least} to {most} and try again.")
