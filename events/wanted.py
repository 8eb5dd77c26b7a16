"""Wanted: what the engine tells an agent to run, and the heartbeats between them.

An agent lists what is wanted, then follows changes. Each change names the position of the one before
it for this instance, and each heartbeat's answer the position of the last: an agent that finds a gap
lists again. Nothing here is an event; all of it is derived from the log.
"""

from collections.abc import Iterator

import msgspec

from quarterdeck.events import shapes


class WantedTask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One task an agent holds or should hold.

    ``last_status`` is what the engine knows of it: a restarted agent need not tell that again, and knows that
    what ran and is not there has ended. Tasks of one definition share it: see ``definitions`` of the message.
    """

    task: str
    desired_status: str = "RUNNING"
    last_status: str = "PENDING"
    task_definition: str = ""
    definition: shapes.TaskDefinition | None = None
    overrides: shapes.TaskOverride | None = None
    group: str = ""
    network_configuration: shapes.NetworkConfiguration | None = None
    restarts: dict[str, int] = {}
    """How often its agents told that they started which container again."""
    unstarted: tuple[str, ...] = ()
    """Its containers that have not begun, though it is RUNNING: they are no essential ones."""


class Wanting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What lists and changes have in common: tasks, and their definitions by ``family:revision``."""

    sequence: int
    tasks: list[WantedTask] = []
    definitions: dict[str, shapes.TaskDefinition] = {}

    def whole(self) -> Iterator[WantedTask]:
        """Yield each task with its definition."""
        for each in self.tasks:
            shared = self.definitions.get(each.task_definition)
            yield each if shared is None else msgspec.structs.replace(each, definition=shared)


class WantedList(Wanting, frozen=True, kw_only=True):
    """All that an instance's agent should hold at a position; tasks not listed must not run there.

    ``status`` is the instance's: ACTIVE, DRAINING, or INACTIVE, which also stands for one that is not ``known``: an
    engine that was replaced, and has not noticed yet, does not know the newest.

    ``session`` is that of the agent that the engine takes for the instance. An agent that was started again and finds
    another one asks an engine that does not know of it, nor perhaps of the newest tasks: such a list is not for it.
    """

    status: str
    known: bool = True
    session: str = ""


class WantedChange(Wanting, frozen=True, kw_only=True):
    """What changed for an instance at a position; `previous` is the position of the change before."""

    previous: int


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An agent's sign of life; ``leaving`` says that it stops now, on purpose.

    ``runtime`` says whether what runs containers there is OK or IMPAIRED.
    """

    session: str
    leaving: bool = False
    runtime: str = "OK"
    runtime_reason: str = ""


class HeartbeatAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The instance's status and the position of the last change sent to it.

    ``session`` is that of the agent that is the instance, empty if it is the one that asks; ``known`` as in
    `WantedList`.
    """

    status: str
    sequence: int
    session: str = ""
    known: bool = True
