"""Pool: the instances of one cell of a cluster, by id, by what is left of them, and what changed since when.

A cell is where the attributes that tasks are spread over have the same values: a zone, usually.
"""

from bisect import bisect_left, insort

from quarterdeck.projections.live.instance import InstanceState

GAINS_KEPT_MIN = 1024

Left = tuple[int, ...]


class Pool:
    """One cell's instances, and the gains a queue has to read; the cursor is after the last of them."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, str]] = []
        self.orders: dict[tuple[str, ...], Order] = {}
        self.gains: list[str] = []
        self.cursor = 0

    def add(self, instance: InstanceState) -> None:
        """Take an instance in, in order of ids."""
        insort(self.entries, (0, instance.id))
        for order in self.orders.values():
            order.put(instance)
        self.gain(instance.id)

    def discard(self, instance: str) -> None:
        """Let an instance go; queues drop it when it comes up."""
        at = bisect_left(self.entries, (0, instance))
        if at < len(self.entries) and self.entries[at][1] == instance:
            del self.entries[at]
        for order in self.orders.values():
            order.drop(instance)

    def gain(self, instance: str) -> None:
        """Note that an instance may fit where it did not, or holds fewer tasks of some group."""
        self.gains.append(instance)
        self.cursor += 1
        if len(self.gains) > GAINS_KEPT_MIN + 4 * len(self.entries):
            del self.gains[: len(self.gains) // 2]

    def since(self, cursor: int) -> list[str] | None:
        """List the gains after a cursor; None if they are no longer kept."""
        start = cursor - self.cursor + len(self.gains)
        return None if start < 0 else self.gains[start:]

    def order(self, resources: tuple[str, ...], instances: dict[str, InstanceState]) -> "Order":
        """Find the order of the instances by what is left; from here on it is kept up to date."""
        found = self.orders.get(resources)
        if found is None:
            found = self.orders[resources] = Order(resources, [instances[name] for _, name in self.entries])
        return found


class Order:
    """A cell's instances, those with least left first; for all groups and demands alike."""

    def __init__(self, resources: tuple[str, ...], instances: list[InstanceState]) -> None:
        self.resources = resources
        self.left = {each.id: self._left(each) for each in instances}
        self.entries = sorted((left, name) for name, left in self.left.items())

    def put(self, instance: InstanceState) -> None:
        """Put an instance where it belongs now."""
        left = self._left(instance)
        if self.left.get(instance.id) != left:
            self.drop(instance.id)
            self.left[instance.id] = left
            insort(self.entries, (left, instance.id))

    def drop(self, name: str) -> None:
        """Take an instance out."""
        left = self.left.pop(name, None)
        if left is not None:
            del self.entries[bisect_left(self.entries, (left, name))]

    def from_least(self, needed: int) -> list[tuple[Left, str]]:
        """List the instances from the first that has as much left of the first resource; all have nothing."""
        return self.entries[bisect_left(self.entries, ((needed,), "")) :] if needed else self.entries

    def equal(self, left: Left) -> list[tuple[Left, str]]:
        """List the instances that have exactly so much left."""
        after = (*left[:-1], left[-1] + 1)
        return self.entries[bisect_left(self.entries, (left, "")) : bisect_left(self.entries, (after, ""))]

    def _left(self, instance: InstanceState) -> Left:
        return tuple(instance.cpu_left if each == "cpu" else instance.memory_left for each in self.resources)
