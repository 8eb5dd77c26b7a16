"""Partition: a cluster's instances cut into cells, a pool for each, by the values of some attributes."""

from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.pool import Pool
from quarterdeck.projections.live.rule import field_value

SEPARATOR = "\0"


class Partition:
    """The pools of one set of attributes, by cell: the values, with a separator between several."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        self.pools: dict[str, Pool] = {}
        self.where: dict[str, str] = {}

    def join(self, instance: InstanceState) -> None:
        """Take an instance in."""
        cell = self.where[instance.id] = self.cell(instance)
        self.pools.setdefault(cell, Pool()).add(instance)

    def leave(self, instance: InstanceState) -> None:
        """Let an instance go; a cell stays, its instances may come back."""
        self.pool(instance).discard(instance.id)
        self.gain(instance)
        del self.where[instance.id]

    def gain(self, instance: InstanceState) -> None:
        """Note that an instance may fit where it did not."""
        self.pool(instance).gain(instance.id)

    def resize(self, instance: InstanceState) -> None:
        """Put an instance in order by what is left of it."""
        for order in self.pool(instance).orders.values():
            order.put(instance)

    def pool(self, instance: InstanceState) -> Pool:
        """Find the pool an instance is in."""
        return self.pools[self.where[instance.id]]

    def cell(self, instance: InstanceState) -> str:
        """Work out the cell an instance belongs to."""
        return SEPARATOR.join([field_value(instance, field) for field in self.fields])

    def has_moved(self, instance: InstanceState) -> bool:
        """Tell whether an instance's attributes are not those of its cell any more."""
        return self.where[instance.id] != self.cell(instance)
