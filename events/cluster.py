"""Cluster: the events of its life."""

from quarterdeck.events import shapes
from quarterdeck.events.base import ClusterEvent


class ClusterCreated(ClusterEvent, frozen=True, kw_only=True, gc=False):
    """A cluster came to be, or one of the same name that was INACTIVE began anew, empty."""

    settings: list[shapes.ClusterSetting] = []
    configuration: shapes.ClusterConfiguration | None = None
    service_connect_defaults: shapes.ClusterServiceConnectDefaultsRequest | None = None
    tags: list[shapes.Tag] = []
    capacity_providers: list[str] = []
    default_capacity_provider_strategy: list[shapes.CapacityProviderStrategyItem] = []


class ClusterUpdated(ClusterEvent, frozen=True, kw_only=True, gc=False):
    """A caller changed a cluster; None means unchanged, an empty namespace that there is none any more."""

    settings: list[shapes.ClusterSetting] | None = None
    configuration: shapes.ClusterConfiguration | None = None
    service_connect_defaults: shapes.ClusterServiceConnectDefaultsRequest | None = None


class ClusterCapacityProvidersChanged(ClusterEvent, frozen=True, kw_only=True, gc=False):
    """A cluster's capacity providers, by name, and its default strategy were replaced."""

    capacity_providers: list[str] = []
    default_capacity_provider_strategy: list[shapes.CapacityProviderStrategyItem] = []


class ClusterDeleted(ClusterEvent, frozen=True, kw_only=True, gc=False):
    """A cluster became INACTIVE."""
