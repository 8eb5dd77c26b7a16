"""Secret: deciding on an account's own secrets, whose values come in sealed, and on who may have them."""

import re
from collections.abc import Iterable

from quarterdeck.engine.core.errors import (
    AccessDeniedException,
    InvalidParameterException,
    LimitExceededException,
    ResourceNotFoundException,
)
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.names import short_name
from quarterdeck.events.secret import SecretDeleted, SecretStored
from quarterdeck.events.secret_reference import reference, wanted_by
from quarterdeck.projections.live.states import SecretState

NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
VALUE_BYTES_MAX = 65_536
SECRETS_MAX = 10_000


def store(turn: Turn, name: str, sealed: str) -> SecretState:
    """Give a secret a value."""
    checked_name(name)
    if name not in turn.state.secrets and len(turn.state.secrets) >= SECRETS_MAX:
        raise LimitExceededException(f"There are {SECRETS_MAX} secrets already; delete some first.")
    turn.emit(SecretStored(secret=name, sealed=sealed))
    return turn.state.secrets[name]


def delete(turn: Turn, name: str) -> SecretState:
    """Take a secret away."""
    found = turn.state.secrets.get(name)
    if found is None:
        raise ResourceNotFoundException(f"There is no secret {name}.")
    turn.emit(SecretDeleted(secret=name))
    return found


def listed(turn: Turn) -> list[SecretState]:
    """All there are, by name."""
    return [turn.state.secrets[name] for name in sorted(turn.state.secrets)]


def given(
    turn: Turn, cluster: str, container_instance: str, task: str, value_from: Iterable[str]
) -> dict[str, SecretState | None]:
    """Find what the agent of an instance may have for a task: what the task's definition names, while it is there."""
    found = turn.state.clusters.get(cluster)
    held = found.tasks.get(short_name(task)) if found is not None else None
    if held is None or held.instance != container_instance or held.last_status == "STOPPED":
        raise AccessDeniedException(f"Task {short_name(task)} is not placed on this container instance.")
    allowed = wanted_by(turn.definition(held.definition).definition)
    foreign = sorted(set(value_from) - allowed)
    if foreign:
        raise AccessDeniedException(f"The definition of task {held.id} does not name {', '.join(foreign)}.")
    return {each: _named(turn, each) for each in value_from}


def checked_name(name: str) -> None:
    """Refuse what neither Secrets Manager nor SSM would take for a name."""
    if NAME.fullmatch(name) is None:
        raise InvalidParameterException(
            f"{name!r} is no name for a secret: it must be 1 to 512 of letters, digits and /_+=.@-"
        )


def checked_value(value: str) -> None:
    """Refuse what is too long, or nothing."""
    if not 1 <= len(value.encode()) <= VALUE_BYTES_MAX:
        raise InvalidParameterException(f"The value of a secret must have 1 to {VALUE_BYTES_MAX} bytes.")


def _named(turn: Turn, value_from: str) -> SecretState | None:
    names = reference(value_from).names
    return next((turn.state.secrets[name] for name in names if name in turn.state.secrets), None)
