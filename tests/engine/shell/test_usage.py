"""What containers use, as agents told last."""

from __future__ import annotations

from quarterdeck.engine.shell.usage import Consumer, Usage, Used
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.stats import ContainerStats, InstanceStats, Stats, TaskStats

HERE = "us-east-1/000000000000"


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at


def told(instance: str, *tasks: TaskStats) -> InstanceStats:
    return InstanceStats(at=1.0, container_instance=instance, tasks=list(tasks))


def task(name: str, group: str, *cpu_percents: float) -> TaskStats:
    figures = [Stats(cpu_percent=each, memory_bytes=100, rx_bytes_per_second=1.0) for each in cpu_percents]
    containers = [ContainerStats(name=f"c{number}", stats=each) for number, each in enumerate(figures)]
    return TaskStats(task=name, group=group, containers=containers)


def test_the_tasks_of_a_service_are_added_up_over_instances() -> None:
    usage = Usage(Clock())
    usage.hear(Instance(HERE, "moon", "b"), told("b", task("1", "service:web", 10.0, 5.0)))
    usage.hear(Instance(HERE, "moon", "a"), told("a", task("2", "service:web", 20.0), task("3", "family:job", 1.0)))
    assert usage.consumers() == {
        Consumer(HERE, "moon", "web"): Used(2, 3, 35.0, 300, 3.0, 0.0),
        Consumer(HERE, "moon", ""): Used(1, 1, 1.0, 100, 1.0, 0.0),
    }
    assert [each.container_instance for each in usage.of(HERE, "moon")] == ["a", "b"]
    assert usage.of(HERE, "sun") == []


def test_figures_of_an_agent_that_is_gone_are_forgotten() -> None:
    clock = Clock()
    usage = Usage(clock)
    usage.hear(Instance(HERE, "moon", "a"), told("a", task("1", "service:web", 10.0)))
    clock.at += 91
    assert usage.consumers() == {}
