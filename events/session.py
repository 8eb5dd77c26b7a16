"""Session: what a client and an agent say to each other while logs are read or a command runs in a container.

A client opens with a request to ``qd.io.<region>.<account>.<cluster>.<container instance>.open``, whose reply subject
is ``qd.out.<token>``; there the agent answers. What the client says further goes to ``qd.io.….in.<token>``. Every
packet is MessagePack; its frames are numbered and acknowledged, so that no side sends more than `WINDOW_FRAMES`
ahead of the other, and a lost one is noticed. Nothing here is an event.
"""

import msgspec

from quarterdeck.events.names import Namespace

WINDOW_FRAMES = 16
"""How many frames may be on their way; with FRAME_BYTES_MAX each it bounds what a slow reader costs."""
FRAME_BYTES_MAX = 32 << 10
TELL_FRAMES = WINDOW_FRAMES // 2
BEAT_SECONDS = 1.5
SILENCE_SECONDS_MAX = 8.0
"""After this long without a word the other side is taken for gone."""
OPEN = "open"
INPUT = "in"


class Frame(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag=True):
    """One thing said."""


class LogLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a container wrote: a line with its end, or (``whole`` False) a part of one that is long or unfinished.

    ``at`` is in nanoseconds since the epoch, ``stream`` stdout or stderr.
    """

    at: int
    stream: str
    data: bytes
    whole: bool = True


class LogQuery(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which lines: nanoseconds since the epoch, from ``since`` on and before ``until``; the last ``tail`` of those."""

    since: int = 0
    until: int = 0
    tail: int | None = None
    follow: bool = False


class Terminal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The terminal a command is to have."""

    rows: int = 24
    columns: int = 80
    type: str = "xterm"


class ReadLogs(Frame, frozen=True, omit_defaults=True):
    """Opens a session: read what a container of a task wrote."""

    task: str
    container: str
    query: LogQuery = LogQuery()


class Attach(Frame, frozen=True, omit_defaults=True):
    """Opens a session: run the command that ExecuteCommand was asked for, with its session id and token."""

    session: str
    token: str
    terminal: Terminal | None = None


class Opened(Frame, frozen=True):
    """The agent's first word: what was asked for begins."""


class Lines(Frame, frozen=True, omit_defaults=True):
    """What a container wrote."""

    lines: list[LogLine] = []


class Output(Frame, frozen=True, omit_defaults=True):
    """What a command wrote."""

    data: bytes
    stream: str = "stdout"


class Input(Frame, frozen=True, omit_defaults=True):
    """What a command is to read; nothing is the end of it."""

    data: bytes = b""


class Resize(Frame, frozen=True):
    """The terminal has another size."""

    rows: int
    columns: int


class Ended(Frame, frozen=True, omit_defaults=True):
    """The last word of either side; ``error`` says what went wrong, with a code if ECS has one for it."""

    exit_code: int | None = None
    error: str = ""
    code: str = ""


AnyFrame = ReadLogs | Attach | Opened | Lines | Output | Input | Resize | Ended
Opening = ReadLogs | Attach


class Packet(msgspec.Struct, frozen=True, array_like=True):
    """What goes over the wire: a frame with its number (0: none, a sign of life) and how many were taken."""

    number: int
    taken: int
    frame: AnyFrame | None = None


class Grant(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What the engine says a session is for."""

    task: str
    container: str
    command: str


class Redemption(msgspec.Struct, frozen=True, rename="camel"):
    """An agent's question what a session is for; its token is good for one."""

    session: str
    token: str


class Flow:
    """One side's count of what is on its way; it neither waits nor sends."""

    def __init__(self) -> None:
        self.sent = 0
        self.acknowledged = 0
        self.arrived = 0
        self.taken = 0
        self.told = 0

    @property
    def may_send(self) -> bool:
        """Whether the window has room."""
        return self.sent - self.acknowledged < WINDOW_FRAMES

    @property
    def should_tell(self) -> bool:
        """Whether so much was taken that the other side should know."""
        return self.taken - self.told >= TELL_FRAMES

    def packet(self, frame: AnyFrame | None = None) -> Packet:
        """Number a frame, or a sign of life."""
        if frame is not None:
            self.sent += 1
        self.told = self.taken
        return Packet(self.sent if frame is not None else 0, self.taken, frame)

    def take(self) -> None:
        """Count a frame that was taken."""
        self.taken += 1

    def hear(self, packet: Packet) -> str:
        """Note a packet; says what is wrong with it, if anything."""
        self.acknowledged = max(self.acknowledged, packet.taken)
        if packet.frame is None:
            return ""
        if packet.number != self.arrived + 1:
            return f"part {self.arrived + 1} was lost on the way"
        self.arrived = packet.number
        if self.arrived - self.taken > WINDOW_FRAMES + 1:  # the last word need not wait for room
            return "the other side sends more than it may"
        return ""


def subject(namespace: Namespace, cluster: str, container_instance: str, what: str) -> str:
    """Name a subject an agent listens to; ``>`` is all of them."""
    return f"qd.io.{namespace.region}.{namespace.account}.{cluster}.{container_instance}.{what}"


def out(token: str) -> str:
    """Name the subject an agent answers a client on."""
    return f"qd.out.{token}"
