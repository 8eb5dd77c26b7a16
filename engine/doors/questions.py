"""Questions: what an engine is asked about itself over NATS, and what it answers; `about` is who answers."""

import msgspec

PREFIX = "qd.sys."


class EngineAbout(msgspec.Struct, frozen=True):
    """An engine that keeps the log."""

    epoch: int
    sequence: int
    shard: int = 0


class Fingerprint(msgspec.Struct, frozen=True):
    """The digest of the state at a position."""

    sequence: int
    fingerprint: str
