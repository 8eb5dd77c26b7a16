"""Account setting: how its events change the live view."""

from quarterdeck.events.account_setting import AccountSettingDeleted, AccountSettingPut
from quarterdeck.projections.live.states import NamespaceState


def put(namespace: NamespaceState, event: AccountSettingPut, _at: float) -> None:
    """Remember a principal's choice."""
    namespace.account_settings.setdefault(event.principal, {})[event.name] = event.value


def deleted(namespace: NamespaceState, event: AccountSettingDeleted, _at: float) -> None:
    """Forget a principal's choice, and the principal with its last one."""
    chosen = namespace.account_settings[event.principal]
    del chosen[event.name]
    if not chosen:
        del namespace.account_settings[event.principal]
