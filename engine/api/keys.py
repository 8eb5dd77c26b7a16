"""Keys: access keys, each of an account, in a file of the data directory with their secrets encrypted.

``access-keys.json`` holds the keys, each secret sealed by AES-GCM together with whose it is; ``access-keys.key`` holds
the key that opens them. Both can be read by their owner only, and are written whole or not at all. The first is read
again when it has changed: a key made while a server runs is good at once, a deleted one bad soon. Errors:
`KeysUnreadable`, `NoSuchKey`.
"""

import fcntl
import re
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from quarterdeck.engine.api.account import key_id
from quarterdeck.events.log.files import write_private

FILE = "access-keys.json"
OPENER = "access-keys.key"
NONCE_BYTES = 12
OPENER_BYTES = 32
KEYS_MAX = 10_000
LOOK_SECONDS = 0.1
USER_DEFAULT = "operator"
USER = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")


class KeysUnreadable(Exception):
    """The keys can't be read, or changed; says which file and why."""


class NoSuchKey(Exception):
    """A key there is not."""


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key; ``created`` in seconds since the epoch."""

    id: str
    account: str
    user: str
    created: float
    secret: str

    @property
    def principal(self) -> str:
        """Who acts with it."""
        return f"arn:aws:iam::{self.account}:user/{self.user}"

    def __repr__(self) -> str:
        """Keep the secret out of logs."""
        return f"AccessKey({self.id}, {self.account}, {self.user})"


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """One key as it is stored."""

    id: str
    account: str
    user: str
    created: float
    sealed: str

    @property
    def owner(self) -> bytes:
        """What a secret is sealed together with, so that it can't be moved to another's name."""
        return f"{self.id}/{self.account}/{self.user}".encode()


Stamp = tuple[int, int, int]


class Keys:
    """The access keys of a data directory."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE
        self._opener = directory / OPENER
        self._known: dict[str, AccessKey] = {}
        self._stamp: Stamp | None = None
        self._looked = -LOOK_SECONDS

    def find(self, name: str) -> AccessKey | None:
        """Find a key by its id; one deleted elsewhere is good for LOOK_SECONDS at most. Raises KeysUnreadable."""
        now = time.monotonic()
        if name not in self._known or now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._refresh()
        return self._known.get(name)

    def all(self) -> list[AccessKey]:
        """All keys, the oldest first. Raises KeysUnreadable."""
        self._refresh()
        return list(self._known.values())

    def create(self, account: str, now: float, user: str = USER_DEFAULT) -> AccessKey:
        """Make a key of an account. Raises KeysUnreadable."""
        with self._alone():
            known = self._read()
            if len(known) >= KEYS_MAX:
                raise KeysUnreadable(f"There are {KEYS_MAX} access keys already; delete some first.")
            name = key_id(account, secrets.token_bytes(5))
            key = AccessKey(id=name, account=account, user=user, created=now, secret=_secret())
            self._write([*known.values(), key])
            return key

    def delete(self, name: str) -> AccessKey:
        """Delete a key; what is signed with it is refused from now on. Raises NoSuchKey, KeysUnreadable."""
        with self._alone():
            known = self._read()
            if name not in known:
                raise NoSuchKey(f"There is no access key {name}.")
            deleted = known.pop(name)
            self._write(list(known.values()))
            return deleted

    def _refresh(self) -> None:
        stamp = _stamp(self._file)
        if stamp != self._stamp:
            self._known = self._read()
            self._stamp = stamp

    def _read(self) -> dict[str, AccessKey]:
        try:
            stored = msgspec.json.decode(self._file.read_bytes(), type=list[Sealed])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise KeysUnreadable(f"The access keys in {self._file} can't be read: {error}.") from error
        cipher = self._cipher()
        return {each.id: self._opened(cipher, each) for each in stored}

    def _opened(self, cipher: AESGCM, key: Sealed) -> AccessKey:
        try:
            sealed = b64decode(key.sealed, validate=True)
            secret = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], key.owner).decode()
        except (InvalidTag, ValueError) as error:
            raise KeysUnreadable(
                f"The secret of {key.id} in {self._file} can't be opened with {self._opener}: one of the two files "
                "was changed. Put the right ones back, or delete both and create new keys."
            ) from error
        return AccessKey(id=key.id, account=key.account, user=key.user, created=key.created, secret=secret)

    def _write(self, keys: list[AccessKey]) -> None:
        cipher = self._cipher()
        document = msgspec.json.format(msgspec.json.encode([_seal(cipher, key) for key in keys])) + b"\n"
        write_private(self._file, document)

    def _cipher(self) -> AESGCM:
        try:
            opener = self._opener.read_bytes()
        except OSError as error:
            raise KeysUnreadable(f"The key that opens the access keys can't be read: {error}.") from error
        if len(opener) != OPENER_BYTES:
            raise KeysUnreadable(f"{self._opener} must hold {OPENER_BYTES} bytes, not {len(opener)}.")
        return AESGCM(opener)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other writers out; makes the opener if there is none and no keys that need one.

        Raises KeysUnreadable.
        """
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._opener.with_name(f".{OPENER}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not self._opener.exists() and not self._file.exists():
                    write_private(self._opener, secrets.token_bytes(OPENER_BYTES))
                yield
        except OSError as error:
            raise KeysUnreadable(f"The access keys in {self._file.parent} can't be changed: {error}.") from error


def _seal(cipher: AESGCM, key: AccessKey) -> Sealed:
    nonce = secrets.token_bytes(NONCE_BYTES)
    bare = Sealed(id=key.id, account=key.account, user=key.user, created=key.created, sealed="")
    sealed = nonce + cipher.encrypt(nonce, key.secret.encode(), bare.owner)
    return msgspec.structs.replace(bare, sealed=b64encode(sealed).decode())


def _secret() -> str:
    return b64encode(secrets.token_bytes(30)).decode()


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
