"""Cluster: the events of its life."""

from quarterdeck.events import shapes
from quarterdeck.events.base import ClusterEvent


class ClusterCreated(ClusterEvent, frozen=True, kw_only=True):
    """A cluster came to be, or one of the same name that was INACTIVE began anew, empty."""

    settings: list[shapes.ClusterSetting] = []
    configuration: shapes.ClusterConfiguration | None = None
    service_connect_defaults: shapes.ClusterServiceConnectDefaultsRequest | None = None
    tags: list[shapes.Tag] = []


class ClusterDeleted(ClusterEvent, frozen=True, kw_only=True):
    """A cluster became INACTIVE."""
