"""SigV4: verifies AWS's signature of a request, header form, with the errors and texts of AWS (spec §1.3, §1.4).

`parse` reads the Authorization header, `check_scope` holds its scope and date against the clock, `verify` works the
signature out from the secret and compares. The body's hash is always that of the body that came.
"""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

import msgspec

from quarterdeck.engine.api.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
)
from quarterdeck.events.names import REGION

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "ecs"
TERMINATOR = "aws4_request"
SKEW_SECONDS_MAX = 300.0
SIGNED_AT_LEAST = ("host", "x-amz-date")
KEYS_CACHED_MAX = 1_024
MOMENTS_CACHED_MAX = 1_024
PARAMETERS = ("Credential", "Signature", "SignedHeaders")

_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)
_ISO = "%Y%m%dT%H%M%SZ"
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


class Authorization(msgspec.Struct, frozen=True):
    """What the header says: whose key, the scope it is good for, what was signed, and the signature."""

    key_id: str
    date: str
    region: str
    service: str
    terminator: str
    signed_headers: str
    signature: str

    @property
    def scope(self) -> str:
        """The scope as it is signed."""
        return f"{self.date}/{self.region}/{self.service}/{self.terminator}"


class Signed(msgspec.Struct, frozen=True):
    """What a signature is over; header names in lower case, values as they came, those of one name joined by commas."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def parse(header: str | None) -> Authorization:
    """Take the Authorization header apart. Raises MissingAuthenticationToken-, IncompleteSignatureException."""
    if not header:
        raise MissingAuthenticationTokenException("Missing Authentication Token")
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise IncompleteSignatureException(f"Unsupported AWS 'algorithm': '{algorithm[:64]}'.")
    given = dict(_parameter(each) for each in rest.split(",") if each.strip())
    absent = [name for name in PARAMETERS if not given.get(name)]
    if absent:
        raise IncompleteSignatureException(
            " ".join(f"Authorization header requires '{name}' parameter." for name in absent)
        )
    parts = given["Credential"].rsplit("/", 4)
    if len(parts) != 5 or not parts[0]:
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        )
    key_id, date, region, service, terminator = parts
    return Authorization(
        key_id, date, region, service, terminator, signed_headers=given["SignedHeaders"], signature=given["Signature"]
    )


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.strip().partition("=")
    if not equals:
        raise IncompleteSignatureException(f"'{name[:64]}' is not a valid key=value pair in Authorization header.")
    return name, value


def check_scope(found: Authorization, headers: Mapping[str, str], now: float) -> None:
    """Hold what was signed for, and when, against here and now. Raises Incomplete-, InvalidSignatureException."""
    if found.terminator != TERMINATOR:
        raise InvalidSignatureException(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    if found.service != SERVICE:
        raise InvalidSignatureException(f"Credential should be scoped to correct service: '{SERVICE}'.")
    if not REGION.fullmatch(found.region):
        raise InvalidSignatureException("Credential should be scoped to a valid region.")
    names = found.signed_headers.split(";")
    unsigned = [name for name in SIGNED_AT_LEAST if name not in names]
    if unsigned:
        raise InvalidSignatureException(f"'{unsigned[0]}' must be a 'SignedHeader' in the AWS Authorization.")
    _check_date(found, headers.get("x-amz-date", ""), now)


def _check_date(found: Authorization, text: str, now: float) -> None:
    signed = _moment(text)
    if signed is None:
        raise IncompleteSignatureException(
            f"Date must be in ISO-8601 'basic format'. Got '{text[:64]}'. See http://en.wikipedia.org/wiki/ISO_8601"
        )
    if text[:8] != found.date:
        raise InvalidSignatureException(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{found.date[:64]}' != '{text[:8]}', from '{text}'."
        )
    skew = signed - now
    if abs(skew) > SKEW_SECONDS_MAX:
        raise InvalidSignatureException(_skewed(text, now, late=skew < 0))


@lru_cache(maxsize=MOMENTS_CACHED_MAX)
def _moment(text: str) -> float | None:
    try:
        return datetime.strptime(text, _ISO).replace(tzinfo=UTC).timestamp() if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _skewed(text: str, now: float, *, late: bool) -> str:
    what, sign = ("Signature expired", -1) if late else ("Signature not yet current", 1)
    compared = "now earlier" if late else "still later"
    limit, here = (f"{datetime.fromtimestamp(each, UTC):{_ISO}}" for each in (now + sign * SKEW_SECONDS_MAX, now))
    minutes = f"{'-' if late else '+'} {SKEW_SECONDS_MAX / 60:.0f} min."
    return f"{what}: {text} is {compared} than {limit} ({here} {minutes})"


def verify(found: Authorization, signed: Signed, secret: str) -> None:
    """Compare the signature with the one the secret gives. Raises InvalidSignatureException."""
    expected = signature(found, signed, secret)
    if not hmac.compare_digest(expected.encode(), found.signature.encode("utf-8", "surrogateescape")):
        raise InvalidSignatureException(_MISMATCH)


def signature(found: Authorization, signed: Signed, secret: str) -> str:
    """Work out what the signature should be."""
    request = sha256(canonical(signed, found.signed_headers)).hexdigest()
    text = f"{ALGORITHM}\n{signed.headers['x-amz-date']}\n{found.scope}\n{request}"
    return hmac.digest(_signing_key(secret, found.date, found.region), text.encode(), "sha256").hex()


def canonical(signed: Signed, names: str) -> bytes:
    """Write a request the one way that is signed."""
    headers = signed.headers
    values = "".join([f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names.split(";")])
    path = "/" if signed.path == "/" else quote(signed.path, safe="/~")
    query = _canonical_query(signed.query) if signed.query else ""
    body = sha256(signed.body).hexdigest()
    return f"{signed.method}\n{path}\n{query}\n{values}\n{names}\n{body}".encode("utf-8", "surrogateescape")


def _canonical_query(query: str) -> str:
    pairs = sorted(each.partition("=")[::2] for each in query.split("&"))
    return "&".join(f"{name}={value}" for name, value in pairs)


@lru_cache(maxsize=KEYS_CACHED_MAX)
def _signing_key(secret: str, date: str, region: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (date, region, SERVICE, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
