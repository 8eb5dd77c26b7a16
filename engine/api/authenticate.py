"""Authenticate: who is asking, and in which account and region, by signature (`keys`) or by word alone (`open`)."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from quarterdeck.engine.api import sigv4
from quarterdeck.engine.api.account import account_of
from quarterdeck.engine.api.errors import InvalidSignatureException, UnrecognizedClientException
from quarterdeck.engine.api.keys import Keys, KeysUnreadable
from quarterdeck.engine.api.settings import ApiSettings
from quarterdeck.engine.core.errors import ServerException
from quarterdeck.events.names import REGION, Namespace


class Caller(msgspec.Struct, frozen=True):
    """Who asks, where."""

    namespace: Namespace
    actor: str


class Authenticate(Protocol):
    """Finds out who sent a request."""

    def __call__(self, signed: sigv4.Signed, now: float) -> Caller:
        """Find out. Raises Refusal."""
        ...


def authentication(settings: ApiSettings) -> Authenticate:
    """Pick the mode."""
    if settings.auth == "open":
        return Anybody(Namespace(settings.region, settings.account))
    return Signatures(Keys(settings.data))


class Signatures:
    """Only requests signed with a key of ours, in time."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __call__(self, signed: sigv4.Signed, now: float) -> Caller:
        """Verify the signature. Raises what `sigv4` raises, and UnrecognizedClientException."""
        found = sigv4.parse(signed.headers.get("authorization"))
        try:
            key = self._keys.find(found.key_id)
        except KeysUnreadable as error:
            raise ServerException(str(error)) from error
        if key is None:
            raise UnrecognizedClientException("The security token included in the request is invalid.")
        sigv4.check_scope(found, signed.headers, now)
        sigv4.verify(found, signed, key.secret)
        return Caller(Namespace(found.region, key.account), key.principal)


class Anybody:
    """Any key, or none: the account is what the key's id says."""

    def __init__(self, default: Namespace) -> None:
        self._default = default

    def __call__(self, signed: sigv4.Signed, now: float) -> Caller:  # noqa: ARG002 - nothing is too old here
        """Take the caller's word. Raises Incomplete- and InvalidSignatureException."""
        header: str | None = signed.headers.get("authorization")
        return self._caller(header) if header else _root(self._default)

    def _caller(self, header: str) -> Caller:
        found = sigv4.parse(header)
        if not REGION.fullmatch(found.region):
            raise InvalidSignatureException("Credential should be scoped to a valid region.")
        return _root(Namespace(found.region, account_of(found.key_id, self._default.account)))


def _root(namespace: Namespace) -> Caller:
    return Caller(namespace, f"arn:aws:iam::{namespace.account}:root")


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names in lower case; the values of one name joined by commas, in their order."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        found[key] = f"{found[key]},{value}" if key in found else value
    return found
