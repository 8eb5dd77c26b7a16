"""Quarterdeck: a container orchestrator with the API of Amazon ECS, whose only truth is an event log.

    async with quarterdeck.embedded(instances=4, zones=2) as qd:          an engine in this program
    qd = await quarterdeck.connect("nats://127.0.0.1:4222", creds=…)       an engine somewhere else

    await qd.run_task(cluster="web", task_definition="job:1", count=2)     one coroutine per operation of ECS
    async for commit in qd.follow(from_sequence=1): …                      the log, as it grows
    await qd.wait_for(sequence)                                            until answers are true at a position
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.engine.embedded import Embedded, embedded
    from quarterdeck.engine.remote import RemoteClient, connect

__all__ = ["Embedded", "RemoteClient", "connect", "embedded"]

_HOMES = {"Embedded": "embedded", "embedded": "embedded", "RemoteClient": "remote", "connect": "remote"}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: the commands must start at once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - see above

    return getattr(importlib.import_module(f"quarterdeck.engine.{_HOMES[name]}"), name)
