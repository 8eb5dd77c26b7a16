"""Codec: envelopes to bytes and back, with a hash chain, and old versions brought up to date.

Errors: `Corrupt`, for bytes that are not an envelope, whose hash does not cover them, whose ``prev``
is not the envelope before, or that a newer version wrote; nothing after it can be believed.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from quarterdeck.events.commit import Chained, Commit, Envelope

VERSION = 1
GENESIS = ""
ENVELOPE_BYTES_MAX = 1_000_000
"""The most one message may hold (nats-server's default payload is 1 MiB)."""

Raw = dict[str, Any]
UPCASTERS: dict[int, dict[str, Callable[[Raw], Raw]]] = {}
"""From version v to v + 1: what to do with an event of each type that changed incompatibly."""

_encoder = msgspec.json.Encoder()
_envelope = msgspec.json.Decoder(Envelope)
_commits = msgspec.json.Decoder(list[Commit])
_raw = msgspec.json.Decoder(list[Raw])


class Corrupt(Exception):
    """An envelope that is not what was written; says which and why."""


def encode_commit(commit: Commit) -> bytes:
    """Write one commit as JSON."""
    return _encoder.encode(commit)


def seal(commits: Iterable[bytes], epoch: int, prev: str) -> tuple[bytes, str]:
    """Put encoded commits into an envelope after the one whose hash is `prev`; also return its hash."""
    body = b"[" + b",".join(commits) + b"]"
    digest = _digest(VERSION, epoch, prev, body)
    head = f'{{"v":{VERSION},"epoch":{epoch},"prev":"{prev}","hash":"{digest}","commits":'
    return head.encode() + body + b"}", digest


def unseal(payload: bytes, sequence: int, prev: str | None) -> Chained:
    """Read an envelope back and verify it; `prev` None leaves the link unchecked (reading from the middle)."""
    try:
        envelope = _envelope.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"the envelope at {sequence} is not an envelope: {error}"
        raise Corrupt(message) from error
    if prev is not None and envelope.prev != prev:
        message = f"the envelope at {sequence} does not follow the one before it: {envelope.prev} is not {prev}"
        raise Corrupt(message)
    if _digest(envelope.v, envelope.epoch, envelope.prev, envelope.commits) != envelope.hash:
        message = f"the envelope at {sequence} was changed: its hash does not cover what it holds"
        raise Corrupt(message)
    return Chained(sequence, envelope.epoch, envelope.hash, _decode(envelope, sequence))


def upcast(commit: Raw, version: int) -> Raw:
    """Bring a commit of an older version up to date, event by event, one version at a time."""
    for step in range(version, VERSION):
        changed = UPCASTERS.get(step, {})
        commit["events"] = [
            changed[event["type"]](event) if event["type"] in changed else event for event in commit["events"]
        ]
    return commit


def _digest(version: int, epoch: int, prev: str, body: bytes | msgspec.Raw) -> str:
    digest = hashlib.sha256(f"{version} {epoch} {prev} ".encode())
    digest.update(body)
    return digest.hexdigest()


def _decode(envelope: Envelope, sequence: int) -> list[Commit]:
    if envelope.v > VERSION:
        message = f"the envelope at {sequence} is of version {envelope.v}; this program knows up to {VERSION}"
        raise Corrupt(message)
    try:
        if envelope.v == VERSION:
            return _commits.decode(envelope.commits)
        raw = [upcast(commit, envelope.v) for commit in _raw.decode(envelope.commits)]
        return msgspec.convert(raw, list[Commit])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"the envelope at {sequence} holds something unknown (version {envelope.v}): {error}"
        raise Corrupt(message) from error
