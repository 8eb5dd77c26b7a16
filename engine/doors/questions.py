"""Questions: what an engine is asked over NATS beside ECS's operations, and what it answers.

Who answers: `about`, `secret`, `usage`. Here is what who asks needs as well, and no more, so that asking loads little.
"""

import msgspec

from quarterdeck.events.stats import InstanceStats

PREFIX = "qd.sys."
SECRETS = "qd.secret."
USAGE = "qd.usage."


class EngineAbout(msgspec.Struct, frozen=True):
    """An engine that keeps the log."""

    epoch: int
    sequence: int
    shard: int = 0


class Fingerprint(msgspec.Struct, frozen=True):
    """The digest of the state at a position."""

    sequence: int
    fingerprint: str


class NewSecret(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored: a value under a name. Deleting takes the name alone."""

    name: str
    value: str = ""

    def __repr__(self) -> str:
        """Keep the value out of logs."""
        return f"NewSecret({self.name})"


class ShownSecret(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A secret without its value; seconds since the epoch."""

    name: str
    version: int
    created_at: float
    changed_at: float


class ShownSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """All secrets of an account."""

    secrets: list[ShownSecret]


class Figures(msgspec.Struct, frozen=True):
    """What the containers of a cluster use, by instance."""

    instances: list[InstanceStats]
