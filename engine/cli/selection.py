"""Selection: which events are wanted, and since when."""

import re
from datetime import UTC, datetime

import msgspec

from quarterdeck.engine.commits import StoredCommit
from quarterdeck.events.catalog import AnyEvent, noun, subject
from quarterdeck.events.names import short_name

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; empty is anything. `id` is an id, the beginning of one, a name or an ARN."""

    noun: str = ""
    id: str = ""
    types: tuple[str, ...] = ()
    cluster: str = ""
    since: float = 0.0

    def of(self, commit: StoredCommit) -> list[AnyEvent]:
        """Pick the events of a commit."""
        return [event for event in commit.events if self._takes(event)] if commit.at >= self.since else []

    def _takes(self, event: AnyEvent) -> bool:
        if self.types and type(event).__name__ not in self.types:
            return False
        if self.noun and noun(event) != self.noun:
            return False
        if self.cluster and getattr(event, "cluster", "") != short_name(self.cluster):
            return False
        return not self.id or subject(event).startswith(short_name(self.id))


def since(text: str, now: float) -> float:
    """Read a duration back from now (``90s``, ``10m``, ``1h30m``) or a time in ISO 8601. Raises ValueError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdw])", text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return now - sum(float(number) * SECONDS[unit] for number, unit in parts)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a duration (90s, 10m, 2h, 1d) nor a time (2030-01-31, 2030-01-31T12:00Z)."
        ) from None
    return (found if found.tzinfo else found.astimezone()).astimezone(UTC).timestamp()
