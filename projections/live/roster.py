"""Roster: the instances that a DAEMON service belongs on, kept by looking only at those that changed."""

from collections.abc import Callable

from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.pool import Pool


class Roster:
    """The names of the members, for one demand; a cache, right after `refresh`."""

    def __init__(self, pool: Pool, demand: Demand) -> None:
        self.pool = pool
        self.demand = demand
        self.names: set[str] = set()
        self.cursor = -1

    def refresh(
        self, instances: dict[str, InstanceState], belongs: Callable[[InstanceState, Demand], bool]
    ) -> set[str]:
        """Ask again of instances that changed since last time, or of all if that is no longer known."""
        if self.cursor == self.pool.cursor:
            return self.names
        changed = self.pool.since(self.cursor) if self.cursor >= 0 else None
        if changed is None:
            self.names.clear()
            changed = [name for _, name in self.pool.entries]
        self.cursor = self.pool.cursor
        for name in dict.fromkeys(changed):
            if name in instances and belongs(instances[name], self.demand):
                self.names.add(name)
            else:
                self.names.discard(name)
        return self.names
