"""Wanted: what the engine tells an agent to run, and the heartbeats between them.

An agent lists what is wanted, then follows changes. Each change names the position of the one before
it for this instance, and each heartbeat's answer the position of the last: an agent that finds a gap
lists again. Nothing here is an event; all of it is derived from the log.
"""

import msgspec

from quarterdeck.events import shapes


class WantedTask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One task an agent holds or should hold; with desired STOPPED the definition is left out."""

    task: str
    desired_status: str = "RUNNING"
    task_definition: str = ""
    definition: shapes.TaskDefinition | None = None
    overrides: shapes.TaskOverride | None = None
    group: str = ""


class WantedList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """All that an instance's agent should hold at a position; tasks not listed must not run there.

    ``status`` is the instance's: ACTIVE, DRAINING, or INACTIVE, which also stands for unknown.
    """

    sequence: int
    status: str
    tasks: list[WantedTask] = []


class WantedChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What changed for an instance at a position; `previous` is the position of the change before."""

    sequence: int
    previous: int
    tasks: list[WantedTask] = []


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An agent's sign of life; ``leaving`` says that it stops now, on purpose."""

    session: str
    leaving: bool = False


class HeartbeatAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The instance's status and the position of the last change sent to it."""

    status: str
    sequence: int
