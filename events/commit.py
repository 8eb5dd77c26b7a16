"""Commit: all that one command decided, whole or not at all; and the envelope that carries commits."""

import msgspec

from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.names import Namespace


class Commit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """One to many events with their circumstances.

    id         ``<epoch>.<number>``: unique in a shard, made by its keeper
    at         when it was decided, seconds since the epoch
    namespace  ``region/account``
    actor      who asked: a principal's ARN, ``agent/<container instance>`` or ``scheduler``
    operation  the ECS operation, or the scheduler's reason to look
    cause      the commit that led to this one, if any
    command    the caller's token for this command, if it gave one
    digest     what the command asked for, so that a token cannot stand for two requests
    request    the request id a client was told
    """

    id: str
    at: float
    namespace: str
    actor: str
    operation: str
    cause: str = ""
    command: str = ""
    digest: str = ""
    request: str = ""
    events: list[AnyEvent]

    def scope(self) -> Namespace:
        """Parse the namespace."""
        return Namespace.parse(self.namespace)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What one message of the log holds: the commits decided since the last append.

    ``hash`` covers the version, the epoch, ``prev`` (the hash of the envelope before it) and the
    commits as they stand; so one value is both checksum and link of the chain.
    """

    v: int
    epoch: int
    prev: str
    hash: str
    commits: msgspec.Raw


class Chained(msgspec.Struct, frozen=True):
    """An envelope, decoded and verified: its place in the log, and its commits."""

    sequence: int
    epoch: int
    hash: str
    commits: list[Commit]
