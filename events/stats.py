"""Stats: what the containers of an instance use, as its agent tells over plain NATS now and then; never events.

Bytes and counts since the container started; a second's are averages since the figures before.
"""

import msgspec


class Stats(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What one container uses. ``cpu_percent`` is of one CPU."""

    cpu_percent: float = 0.0
    memory_bytes: int = 0
    memory_limit_bytes: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_bytes_per_second: float = 0.0
    tx_bytes_per_second: float = 0.0
    read_bytes: int = 0
    write_bytes: int = 0
    pids: int = 0


class ContainerStats(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One container of a task."""

    name: str
    stats: Stats


class TaskStats(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One task; `group` as in ECS, ``service:<name>`` for a service's."""

    task: str
    group: str = ""
    containers: list[ContainerStats] = []


class InstanceStats(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """All tasks of an instance that run, at a moment (seconds since the epoch)."""

    at: float
    container_instance: str
    tasks: list[TaskStats] = []
