"""Sessions: those ExecuteCommand has given away and no agent has asked about yet; a token is good for one, and soon."""

import hmac
import secrets

import msgspec

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.session import Grant, Redemption

WAITING_MAX = 10_000
WAITING_SECONDS_MAX = 60.0
TOKEN_BYTES = 32


class Waiting(msgspec.Struct, frozen=True):
    """A session that was given away."""

    instance: Instance
    grant: Grant
    token: str
    until: float


class Sessions:
    """In the memory of the engine that gave them away: another one knows of none, and the client asks anew."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}

    def grant(self, instance: Instance, session: str, grant: Grant, now: float) -> str:
        """Give a session away; gives its token."""
        self._forget(now)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._waiting[session] = Waiting(instance, grant, token, now + WAITING_SECONDS_MAX)
        return token

    def redeem(self, instance: Instance, redemption: Redemption, now: float) -> Grant:
        """Tell an agent what a session is for. Raises InvalidParameterException."""
        self._forget(now)
        found = self._waiting.get(redemption.session)
        if (
            found is None
            or found.instance != instance
            or not hmac.compare_digest(found.token.encode(), redemption.token.encode())
        ):
            raise InvalidParameterException(
                f"Session {redemption.session} is not one that waits here: it can be opened once, within "
                f"{WAITING_SECONDS_MAX:g} s, with its own token. Execute the command again."
            )
        del self._waiting[redemption.session]
        return found.grant

    def _forget(self, now: float) -> None:
        """Drop those nobody came for, in the order in which they were given away."""
        for session, waiting in list(self._waiting.items()):
            if waiting.until > now and len(self._waiting) < WAITING_MAX:
                break
            del self._waiting[session]
