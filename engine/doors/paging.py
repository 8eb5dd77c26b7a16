"""Paging: opaque tokens, bound to the query they continue."""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Protocol

import msgspec

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.projections.models.page import Listed, Page

PAGE_DEFAULT = 100
PAGE_MAX = 100


class Token(msgspec.Struct, frozen=True, array_like=True):
    """What a token holds: the digest of its query, and where the last page ended."""

    query: str
    after: str


class Ended(Protocol):
    """Part of a list, and where it ended."""

    @property
    def after(self) -> str | None:
        """What asks for the next part; None if it was the last."""
        ...


def page(request: msgspec.Struct, default: int = PAGE_DEFAULT, most: int = PAGE_MAX) -> Page:
    """Read maxResults and nextToken of a request. Raises InvalidParameterException."""
    asked = getattr(request, "max_results", None)
    limit = default if asked is None else asked
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


def slice_after(names: list[str], page: Page) -> Listed:
    """Cut a page out of a list that is short enough to be at hand; the place is how many came before."""
    start = page.number()
    end = start + page.limit
    return Listed(names[start:end], str(end) if len(names) > end else None)


def next_token(request: msgspec.Struct, listed: Ended) -> str | None:
    """Make the token for the page after this one; None if it was the last."""
    if listed.after is None:
        return None
    return urlsafe_b64encode(msgspec.json.encode(Token(_digest(request), listed.after))).decode()


def _digest(request: msgspec.Struct) -> str:
    query = msgspec.structs.replace(request, next_token=None, max_results=None)
    return hashlib.sha256(type(request).__name__.encode() + msgspec.json.encode(query)).hexdigest()[:16]
