"""Behaviour: what a simulated container does when it is pulled, started and stopped."""

from collections.abc import Callable

import msgspec

from quarterdeck.agents.runtimes.health import Health
from quarterdeck.agents.runtimes.port import ContainerSpec

SIGTERM_EXIT_CODE = 143
MISSING_IMAGE = "missing"


class Said(msgspec.Struct, frozen=True):
    """A line that a container writes, so long after its start."""

    text: str
    stream: str = "stdout"
    after_seconds: float = 0.0


class Script(msgspec.Struct, frozen=True):
    """What a command does that is run in a container: write, repeat what it reads if it ``echoes``, and end."""

    says: tuple[tuple[str, str], ...] = ()
    """Texts and their streams."""
    exit_code: int = 0
    echoes: bool = False


class Behaviour(msgspec.Struct, frozen=True):
    """By default it starts at once, runs for ever, and ends at once on SIGTERM."""

    start_seconds: float = 0.0
    start_error: str | None = None
    """Why it never starts."""
    stuck: bool = False
    """Whether a start that was interrupted before keeps it from being started."""
    run_seconds: float | None = None
    """After how long it ends by itself; 0 is at once, None never."""
    exit_code: int = 0
    """When it ends by itself."""
    oom: bool = False
    """Whether its end is a kill for its memory."""
    teardown_seconds: float = 0.0
    """How long it counts as running when it has ended by itself, or was killed."""
    stop_seconds: float = 0.0
    """How long it takes to end after SIGTERM."""
    stop_exit_code: int = SIGTERM_EXIT_CODE
    ignores_sigterm: bool = False
    says: tuple[Said, ...] = ()
    commands: dict[str, Script] = {}
    """By their first word."""
    health: tuple[tuple[float, Health], ...] = ((0.0, "HEALTHY"),)
    """What its health check says, so many seconds after it started; where the spec has one."""


class Image(msgspec.Struct, frozen=True):
    """How an image comes to the host."""

    pull_seconds: float = 0.0
    pull_error: str | None = None
    pull_final: bool = True
    """Whether there is no use in asking again."""
    present: bool = True
    """Whether it is there without a pull."""


BehaviourOf = Callable[[ContainerSpec], Behaviour]
ImageOf = Callable[[str], Image]


def run_for_ever(spec: ContainerSpec) -> Behaviour:  # noqa: ARG001 - every spec alike
    """The default behaviour, whatever the spec."""
    return Behaviour()


def all_but_missing(image: str) -> Image:
    """Every image is there, except those named ``missing…``, which cannot be pulled either."""
    if not image.startswith(MISSING_IMAGE):
        return Image()
    return Image(pull_error=f"Error response from daemon: manifest for {image} not found", present=False)
