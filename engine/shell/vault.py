"""Vault: seals the values of secrets for the log and opens them again, with one key in a file of the engine's.

AES-GCM together with whose secret it is, so that a value can't be moved to another's name. All replicas of an engine
need the same file: without it the secrets of the log are lost. Errors: `VaultClosed`.
"""

import secrets
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from quarterdeck.events.log.files import keep, write_private

KEY_BYTES = 32
NONCE_BYTES = 12


class VaultClosed(Exception):
    """The key is not there, or is not the one a secret was sealed with."""


class Vault:
    """One engine's key; None as path keeps it in memory, for engines whose log does not last either."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._key: bytes | None = None if path is not None else secrets.token_bytes(KEY_BYTES)

    def seal(self, namespace: str, name: str, value: str) -> str:
        """Seal a value under a name; the first one makes the key. Raises VaultClosed."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher(make=True).encrypt(nonce, value.encode(), _owner(namespace, name))
        return b64encode(nonce + sealed).decode()

    def open(self, namespace: str, name: str, sealed: str) -> str:
        """Open what was sealed under this name. Raises VaultClosed."""
        data = b64decode(sealed)
        try:
            value = self._cipher(make=False).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _owner(namespace, name))
        except InvalidTag as error:
            raise VaultClosed(
                f"The secret {name} was sealed with another key than {self._path} holds. Put the right file back on "
                "this engine, or store the secret anew."
            ) from error
        return value.decode()

    def _cipher(self, *, make: bool) -> AESGCM:
        if self._key is None:
            assert self._path is not None
            if make and not self._path.exists():
                _make(self._path)
            self._key = _read(self._path)
        return AESGCM(self._key)


def _owner(namespace: str, name: str) -> bytes:
    return f"{namespace}/{name}".encode()


def _make(path: Path) -> None:
    """Write a key beside its place and link it there: whoever finds one finds all of it. Raises VaultClosed."""
    unfinished = path.with_name(f".{secrets.token_hex(8)}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_private(unfinished, secrets.token_bytes(KEY_BYTES))
            with suppress(FileExistsError):  # another replica on this disk was faster
                path.hardlink_to(unfinished)
        finally:
            unfinished.unlink(missing_ok=True)
        keep(path.parent)
    except OSError as error:
        raise VaultClosed(f"The key of the secrets can't be made: {error}.") from error


def _read(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except OSError as error:
        raise VaultClosed(f"The key of the secrets can't be read: {error}.") from error
    if len(key) != KEY_BYTES:
        raise VaultClosed(f"{path} must hold {KEY_BYTES} bytes, not {len(key)}.")
    return key
