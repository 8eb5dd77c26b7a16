"""Secret: the events of an account's own secrets; their values are in the log encrypted only."""

from quarterdeck.events.base import Event


class SecretEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about one secret, by name."""

    secret: str


class SecretStored(SecretEvent, frozen=True, kw_only=True, gc=False):
    """A secret got a value: ``sealed`` can be opened with the engine's key only, and under this name only."""

    sealed: str


class SecretDeleted(SecretEvent, frozen=True, kw_only=True, gc=False):
    """A secret is no more; tasks that need it can't start."""
