"""The keys that leave a session."""

from __future__ import annotations

import pytest

from quarterdeck.engine.cli.escape import Escape, read_keys

LEAVE = b"\x10\x11"


@pytest.mark.parametrize(
    ("typed", "passed", "left"),
    [
        ([b"ls\n"], b"ls\n", False),
        ([b"\x10\x11"], b"", True),
        ([b"a\x10", b"\x11b"], b"a", True),
        ([b"\x10", b"x"], b"\x10x", False),
        ([b"\x10\x10", b"\x11"], b"\x10", True),
        ([b"\x11\x10"], b"\x11", False),
    ],
)
def test_the_sequence_leaves_and_all_else_is_passed_on(typed: list[bytes], passed: bytes, *, left: bool) -> None:
    escape = Escape(LEAVE)
    told = [escape.feed(data) for data in typed]
    assert (b"".join(data for data, _ in told), any(ends for _, ends in told)) == (passed, left)


def test_without_keys_nothing_leaves() -> None:
    assert Escape(read_keys("")).feed(b"\x10\x11") == (b"\x10\x11", False)


@pytest.mark.parametrize(("text", "keys"), [("ctrl-p,ctrl-q", LEAVE), ("ctrl-x,q", b"\x18q"), ("ctrl-[", b"\x1b")])
def test_keys_are_written_as_docker_has_them(text: str, keys: bytes) -> None:
    assert read_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-1", "ab", "ctrl-p,", "é"])
def test_what_is_no_key_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        read_keys(text)
