"""Capacity provider: the events of its life."""

from quarterdeck.events import shapes
from quarterdeck.events.base import Event


class CapacityProviderEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about one capacity provider, by name."""

    capacity_provider: str


class CapacityProviderCreated(CapacityProviderEvent, frozen=True, kw_only=True, gc=False):
    """A capacity provider came to be, or one of the same name that was INACTIVE began anew; defaults are filled in."""

    auto_scaling_group_provider: shapes.AutoScalingGroupProvider
    tags: list[shapes.Tag] = []


class CapacityProviderUpdated(CapacityProviderEvent, frozen=True, kw_only=True, gc=False):
    """A caller changed a capacity provider; this is all of it."""

    auto_scaling_group_provider: shapes.AutoScalingGroupProvider


class CapacityProviderDeleted(CapacityProviderEvent, frozen=True, kw_only=True, gc=False):
    """A capacity provider became INACTIVE."""


class CapacityProviderDeletionFailed(CapacityProviderEvent, frozen=True, kw_only=True, gc=False):
    """A capacity provider was to be deleted, and stays; ECS takes the request first and says so afterwards."""

    reason: str
