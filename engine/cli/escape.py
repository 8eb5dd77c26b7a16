"""Escape: the keys that leave a session whatever runs in it, as Docker's ctrl-p,ctrl-q do. Pure."""

CTRL = "ctrl-"
CONTROLS = "abcdefghijklmnopqrstuvwxyz[\\]^_"


class Escape:
    """Looks for a sequence of keys in what is typed; its beginning waits until it is known what follows."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Give what is to be passed on, and whether the sequence is complete: then nothing more is."""
        passed = bytearray()
        for byte in data:
            key = bytes((byte,))
            if not self._keys.startswith(self._held + key):
                passed += self._held
                self._held = b""
            if self._keys.startswith(self._held + key):
                self._held += key
                if self._held == self._keys:
                    return bytes(passed), True
            else:
                passed += key
        return bytes(passed), False


def read_keys(text: str) -> bytes:
    """Read ``ctrl-p,ctrl-q`` or ``ctrl-x,q``; nothing is no key at all. Raises ValueError."""
    return b"".join(_key(part) for part in text.split(",")) if text else b""


def _key(text: str) -> bytes:
    control = text.removeprefix(CTRL)
    if text.startswith(CTRL) and len(control) == 1 and control in CONTROLS:
        return bytes((ord(control.upper()) & 0x1F,))
    if len(text) == 1 and text.isascii():
        return text.encode()
    raise ValueError(f"{text!r} is no key: a character, or ctrl- and one of a-z [ \\ ] ^ _")
