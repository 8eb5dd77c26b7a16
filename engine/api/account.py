"""Account: the account in the id of an access key, written as AWS writes it.

Behind AKIA or ASIA stand 16 base32 characters: ten bytes whose first six hold the account, shifted left by 7 bits,
under a bit that AWS sets in ids that have an account in them.
"""

import re
from base64 import b32decode, b32encode

from quarterdeck.events.names import ACCOUNT, DEFAULT_ACCOUNT

PREFIXES = ("AKIA", "ASIA")
ACCOUNT_BITS = 40
_SHIFT = 7
_MARK = 1 << 47
_KEY_ID = re.compile(f"(?:{'|'.join(PREFIXES)})([A-Z2-7]{{16}})")


def account_of(key_id: str, default: str = DEFAULT_ACCOUNT) -> str:
    """Find the account a key id stands for: itself if it is 12 digits, else the one encoded in it, else the default."""
    if ACCOUNT.fullmatch(key_id):
        return key_id
    found = _KEY_ID.fullmatch(key_id)
    if found is None:
        return default
    head = int.from_bytes(b32decode(found[1])[:6])
    account = f"{(head >> _SHIFT) & ((1 << ACCOUNT_BITS) - 1):012d}"
    return account if ACCOUNT.fullmatch(account) else default


def key_id(account: str, noise: bytes) -> str:
    """Make the id of an access key of an account; the first 39 of noise's bits tell keys apart."""
    bits = int.from_bytes(noise[:5]) & ((1 << 39) - 1)
    whole = (_MARK | int(account) << _SHIFT) << 32 | bits
    return PREFIXES[0] + b32encode(whole.to_bytes(10)).decode()
