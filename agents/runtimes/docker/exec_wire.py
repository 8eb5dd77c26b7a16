"""Exec wire: the part of the Docker Engine API's JSON that is about commands in containers, as `wire` has the rest."""

import msgspec


class ExecRequest(msgspec.Struct, frozen=True, rename="pascal"):
    """Body of ``POST /containers/{id}/exec``."""

    cmd: tuple[str, ...]
    tty: bool
    env: tuple[str, ...] = ()
    attach_stdin: bool = True
    attach_stdout: bool = True
    attach_stderr: bool = True


class ExecStart(msgspec.Struct, frozen=True, rename="pascal"):
    """Body of ``POST /exec/{id}/start``."""

    tty: bool
    detach: bool = False


class ExecInspected(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of ``GET /exec/{id}/json``; the pid is the host's, 0 before it runs."""

    running: bool = False
    exit_code: int | None = None
    pid: int = 0
    container_id: str = msgspec.field(default="", name="ContainerID")
