"""Account setting: the events of what a principal chose for itself."""

from quarterdeck.events.base import Event


class AccountSettingEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about one setting of one principal, by ARN; what root chose is everybody's default."""

    name: str
    principal: str


class AccountSettingPut(AccountSettingEvent, frozen=True, kw_only=True, gc=False):
    """A setting got a value."""

    value: str


class AccountSettingDeleted(AccountSettingEvent, frozen=True, kw_only=True, gc=False):
    """A setting fell back to its default."""
