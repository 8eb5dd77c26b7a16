"""Paging: opaque tokens, bound to the query they continue."""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.projections.models.page import Listed, Page

PAGE_DEFAULT = 100
PAGE_MAX = 100


class Token(msgspec.Struct, frozen=True, array_like=True):
    """What a token holds: the digest of its query, and where the last page ended."""

    query: str
    after: str


def page(request: msgspec.Struct, default: int = PAGE_DEFAULT, most: int = PAGE_MAX) -> Page:
    """Read maxResults and nextToken of a request. Raises InvalidParameterException."""
    limit = getattr(request, "max_results", None) or default
    if not 1 <= limit <= most:
        raise InvalidParameterException(f"maxResults must be from 1 to {most}, not {limit}.")
    text = getattr(request, "next_token", None)
    if not text:
        return Page(limit)
    try:
        token = msgspec.json.decode(urlsafe_b64decode(text), type=Token)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidParameterException("Invalid token.") from error
    if token.query != _digest(request):
        raise InvalidParameterException("Invalid token: it continues another query.")
    return Page(limit, token.after)


def next_token(request: msgspec.Struct, listed: Listed) -> str | None:
    """Make the token for the page after this one; None if it was the last."""
    if listed.after is None:
        return None
    return urlsafe_b64encode(msgspec.json.encode(Token(_digest(request), listed.after))).decode()


def _digest(request: msgspec.Struct) -> str:
    query = msgspec.structs.replace(request, next_token=None, max_results=None)
    return hashlib.sha256(type(request).__name__.encode() + msgspec.json.encode(query)).hexdigest()[:16]
