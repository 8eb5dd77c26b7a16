"""Usage: what containers use, as agents told last; nothing of it is an event, and nothing is decided on it."""

from typing import NamedTuple

from quarterdeck.engine.shell.clock import Clock
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.stats import InstanceStats, TaskStats

FRESH_SECONDS = 90.0
"""Figures older than this are of an agent that is gone."""
SERVICE = "service:"


class Consumer(NamedTuple):
    """Whose usage is added up: a service of a cluster, or all its tasks of none."""

    namespace: str
    cluster: str
    service: str


class Used(NamedTuple):
    """What all containers of a consumer use together; CPU in percent of one."""

    tasks: int = 0
    containers: int = 0
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    rx_bytes_per_second: float = 0.0
    tx_bytes_per_second: float = 0.0

    def and_task(self, task: TaskStats) -> "Used":
        """Use what a task uses, too."""
        figures = [each.stats for each in task.containers]
        return Used(
            self.tasks + 1,
            self.containers + len(figures),
            self.cpu_percent + sum(each.cpu_percent for each in figures),
            self.memory_bytes + sum(each.memory_bytes for each in figures),
            self.rx_bytes_per_second + sum(each.rx_bytes_per_second for each in figures),
            self.tx_bytes_per_second + sum(each.tx_bytes_per_second for each in figures),
        )


class Usage:
    """The last figures of each instance."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_instance: dict[Instance, tuple[float, InstanceStats]] = {}

    def hear(self, instance: Instance, stats: InstanceStats) -> None:
        """Take what an agent told."""
        self._by_instance[instance] = self._clock.now(), stats

    def of(self, namespace: str, cluster: str) -> list[InstanceStats]:
        """Give the fresh figures of a cluster, by instance."""
        found = [
            (each, stats) for each, stats in self._fresh() if (each.namespace, each.cluster) == (namespace, cluster)
        ]
        return [stats for _, stats in sorted(found, key=lambda pair: pair[0])]

    def consumers(self) -> dict[Consumer, Used]:
        """Add up what services use."""
        used: dict[Consumer, Used] = {}
        for instance, stats in self._fresh():
            for task in stats.tasks:
                service = task.group.removeprefix(SERVICE) if task.group.startswith(SERVICE) else ""
                consumer = Consumer(instance.namespace, instance.cluster, service)
                used[consumer] = used.get(consumer, Used()).and_task(task)
        return used

    def _fresh(self) -> list[tuple[Instance, InstanceStats]]:
        limit = self._clock.now() - FRESH_SECONDS
        self._by_instance = {each: kept for each, kept in self._by_instance.items() if kept[0] >= limit}
        return [(each, stats) for each, (_, stats) in self._by_instance.items()]
