"""Secret: how its events change the live view."""

from quarterdeck.events.secret import SecretDeleted, SecretStored
from quarterdeck.projections.live.states import NamespaceState, SecretState


def stored(namespace: NamespaceState, event: SecretStored, at: float) -> None:
    """Take a value, the first or a new one."""
    before = namespace.secrets.get(event.secret)
    created_at = before.created_at if before is not None else at
    version = before.version + 1 if before is not None else 1
    namespace.secrets[event.secret] = SecretState(event.secret, event.sealed, created_at, at, version)


def deleted(namespace: NamespaceState, event: SecretDeleted, _at: float) -> None:
    """Forget it."""
    del namespace.secrets[event.secret]
