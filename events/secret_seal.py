"""Secret seal: what the engine seals to the key an agent made for itself (X25519, HKDF, AES-GCM), bound to the task.

Nobody on the way reads it. What is random comes in, as everywhere in events. It is a module of its own because what it
needs takes 6 MB of each process that imports it.
"""

from base64 import b64decode, b64encode

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from quarterdeck.events.secret_exchange import KEY_BYTES, Unopened

NONCE = bytes(12)
"""The same each time: each message has a key of its own."""


def public_key(private: bytes) -> str:
    """Give the public half of a private key, to be told to the engine."""
    return b64encode(X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()).decode()


def seal(values: dict[str, str], recipient: str, task: str, ephemeral: bytes) -> str:
    """Seal values to a public key; ``ephemeral`` is a private key that was and will be used for nothing else.

    Raises ValueError when the recipient is no public key.
    """
    own = X25519PrivateKey.from_private_bytes(ephemeral)
    theirs = b64decode(recipient, validate=True)
    shared = own.exchange(X25519PublicKey.from_public_bytes(theirs))
    mine = own.public_key().public_bytes_raw()
    sealed = AESGCM(_key(shared, mine + theirs)).encrypt(NONCE, msgspec.json.encode(values), task.encode())
    return b64encode(mine + sealed).decode()


def opened(sealed: str, private: bytes, task: str) -> dict[str, str]:
    """Open what was sealed to the public half of this key, for this task. Raises Unopened."""
    own = X25519PrivateKey.from_private_bytes(private)
    try:
        data = b64decode(sealed, validate=True)
        theirs = data[:KEY_BYTES]
        shared = own.exchange(X25519PublicKey.from_public_bytes(theirs))
        key = _key(shared, theirs + own.public_key().public_bytes_raw())
        return msgspec.json.decode(AESGCM(key).decrypt(NONCE, data[KEY_BYTES:], task.encode()), type=dict[str, str])
    except (InvalidTag, ValueError) as error:
        raise Unopened("The secrets of this task can't be opened: they were sealed for another agent") from error


def _key(shared: bytes, parties: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"quarterdeck secrets" + parties).derive(shared)
