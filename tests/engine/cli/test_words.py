"""Events in a few words, for people."""

from __future__ import annotations

from typing import Any

from quarterdeck.engine.cli.words import words
from quarterdeck.events import shapes
from quarterdeck.events.task import ContainerReport, ContainerStateChanged, TaskHealthChanged

OF: dict[str, Any] = {"cluster": "default", "task": "t1"}


def test_a_container_is_told_with_its_health_its_restarts_and_its_ports() -> None:
    ports = [
        shapes.NetworkBinding(container_port=80, host_port=32768),
        shapes.NetworkBinding(container_port_range="8000-8001", host_port_range="49153-49154"),
    ]
    report = ContainerReport(
        name="web", status="RUNNING", health_status="UNHEALTHY", restart_count=2, network_bindings=ports
    )
    told = words(ContainerStateChanged(**OF, container=report))
    assert told == "web RUNNING UNHEALTHY, restarted 2 times :32768->80 :49153-49154->8000-8001"


def test_the_health_of_a_task_is_told() -> None:
    assert words(TaskHealthChanged(**OF, health_status="HEALTHY")) == "HEALTHY"
