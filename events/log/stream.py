"""Stream: the JetStream stream of one shard, made once, checked ever after, never altered or deleted."""

from typing import Any

import msgspec

from quarterdeck.events.log import api
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import LogFull, LogMisconfigured, LogUnavailable
from quarterdeck.events.log.port import Position

HEADER_BYTES_MAX = 1_024
DUPLICATE_WINDOW_NS = 120 * 10**9

# What would let the log lose, expire, replace or reorder records, or keep them less safely.
VITAL: dict[str, Any] = {
    "retention": "limits",
    "storage": "file",
    "discard": "new",
    "max_age": 0,
    "max_msgs": -1,
    "max_msgs_per_subject": -1,
    "deny_delete": True,
    "deny_purge": True,
    "allow_rollup_hdrs": False,
    "allow_msg_ttl": False,
    "sealed": False,
    "no_ack": False,
    "persist_mode": "default",
    "mirror": None,
    "sources": None,
    "subject_transform": None,
}
ABSENT: dict[str, Any] = {"persist_mode": "default", "max_age": 0}


class Names(msgspec.Struct, frozen=True):
    """The names one shard's log has on NATS."""

    shard: int

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return f"QD_LOG_{self.shard}"

    @property
    def commits(self) -> str:
        """Subject of what writers append."""
        return f"qd.log.{self.shard}.commits"

    @property
    def epoch(self) -> str:
        """Subject of epoch markers."""
        return f"qd.log.{self.shard}.epoch"


class State(msgspec.Struct, frozen=True):
    """Where a stream begins and ends; ``first_seq`` is ``last_seq`` + 1 when it is empty."""

    first_seq: int
    last_seq: int


class Info(msgspec.Struct, frozen=True):
    """What the server says of a stream."""

    config: dict[str, Any]
    created: str
    state: State

    @property
    def position(self) -> Position:
        """The end of the stream, and which stream it is."""
        return Position(sequence=self.state.last_seq, identity=f"{self.config['name']} {self.created}")


async def info(link: Link, names: Names) -> Info:
    """Ask for the stream. Raises LogUnavailable, LogMisconfigured when there is no such stream."""
    try:
        return msgspec.json.decode(await api.call(link, f"STREAM.INFO.{names.stream}"), type=Info)
    except api.RefusedError as error:
        message = f"stream {names.stream} cannot be looked at: {error}"
        raise (LogMisconfigured if error.refusal.err_code == api.STREAM_NOT_FOUND else LogUnavailable)(
            message
        ) from error


async def ensure(
    link: Link, names: Names, *, replicas: int, size_bytes_max: int | None, payload_bytes_max: int
) -> Info:
    """Return the stream, made if there is none. Raises LogMisconfigured when the one there is is not safe, LogFull."""
    wanted = {
        **{name: value for name, value in VITAL.items() if value is not None},
        "name": names.stream,
        "subjects": [names.commits, names.epoch],
        "num_replicas": replicas,
        "max_bytes": -1 if size_bytes_max is None else size_bytes_max,
        "max_msg_size": payload_bytes_max + HEADER_BYTES_MAX,
        "max_consumers": -1,
        "duplicate_window": DUPLICATE_WINDOW_NS,
        "allow_direct": True,
        "compression": "s2",
    }
    try:
        await api.call(link, f"STREAM.CREATE.{names.stream}", wanted)
    except api.RefusedError as error:
        if error.refusal.err_code in api.NO_ROOM:
            message = f"the server has no room for stream {names.stream}: {error}"
            raise LogFull(message) from error
        if error.refusal.err_code != api.STREAM_NAME_IN_USE:
            message = f"stream {names.stream} cannot be made: {error}"
            raise LogMisconfigured(message) from error
    found = await info(link, names)
    _check(found.config, names, replicas)
    return found


def _check(config: dict[str, Any], names: Names, replicas: int) -> None:
    wrong = [
        f"{name} is {config.get(name)!r}, not {value!r}"
        for name, value in VITAL.items()
        if (config.get(name) or ABSENT.get(name, False if value is False else None)) != value
    ]
    if sorted(config["subjects"]) != sorted([names.commits, names.epoch]):
        wrong.append(f"subjects are {config['subjects']}")
    if config["num_replicas"] < replicas:
        wrong.append(f"num_replicas is {config['num_replicas']}, fewer than {replicas}")
    if wrong:
        message = (
            f"stream {names.stream} exists, but is not safe as a log: {'; '.join(wrong)}. It is left as it is: "
            "correct it with `nats stream edit` or use another shard number"
        )
        raise LogMisconfigured(message)
