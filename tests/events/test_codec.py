"""The codec: what was written is read back, what was changed is noticed, what is old is brought up to date."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.events import codec
from quarterdeck.events.cluster import ClusterCreated, ClusterDeleted
from quarterdeck.events.codec import GENESIS, VERSION, Corrupt, encode_commit, seal, unseal
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace
from quarterdeck.events.shapes import Tag
from quarterdeck.events.task import TaskStopped


def commit(number: int = 1, **members: Any) -> Commit:
    whole = {
        "id": f"7.{number}",
        "at": 1_000_000.25,
        "namespace": "us-east-1/000000000000",
        "actor": "scheduler",
        "operation": "CreateCluster",
        "events": [ClusterCreated(cluster="prod", tags=[Tag(key="ä", value="値")]), ClusterDeleted(cluster="prod")],
        **members,
    }
    return Commit(**whole)


def sealed(*commits: Commit, epoch: int = 7, prev: str = GENESIS) -> tuple[bytes, str]:
    return seal([encode_commit(each) for each in commits], epoch, prev)


def test_commits_are_read_back_as_they_were_written() -> None:
    commits = [commit(1, command="token", digest="d", cause="6.1", request="r"), commit(2)]
    payload, digest = sealed(*commits)
    found = unseal(payload, 42, GENESIS)
    assert found.commits == commits
    assert (found.sequence, found.epoch, found.hash) == (42, 7, digest)
    assert found.commits[0].scope() == Namespace("us-east-1", "000000000000")


def test_an_envelope_is_json_that_others_can_read() -> None:
    payload, digest = sealed(commit())
    plain = msgspec.json.decode(payload)
    assert (plain["v"], plain["epoch"], plain["prev"], plain["hash"]) == (VERSION, 7, "", digest)
    assert [each["type"] for each in plain["commits"][0]["events"]] == ["ClusterCreated", "ClusterDeleted"]
    assert plain["commits"][0]["events"][1] == {"type": "ClusterDeleted", "cluster": "prod"}


def test_envelopes_are_a_chain() -> None:
    prev = GENESIS
    for sequence in (1, 2, 3):
        payload, digest = sealed(commit(sequence), prev=prev)
        assert unseal(payload, sequence, prev).hash == digest
        prev = digest


def test_a_missing_envelope_is_noticed() -> None:
    first, digest = sealed(commit(1))
    _, second = sealed(commit(2), prev=digest)
    payload, _ = sealed(commit(3), prev=second)
    with pytest.raises(Corrupt, match="the envelope at 3 does not follow the one before it"):
        unseal(payload, 3, unseal(first, 1, GENESIS).hash)


def test_an_envelope_read_from_the_middle_is_not_asked_what_was_before() -> None:
    payload, _ = sealed(commit(2), prev="abc")
    assert unseal(payload, 2, None).commits == [commit(2)]


@given(st.data())
def test_whichever_byte_is_changed_it_is_noticed(data: st.DataObject) -> None:
    payload, _ = sealed(commit(), prev="0123abc")
    at = data.draw(st.integers(0, len(payload) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != payload[at]))
    with pytest.raises(Corrupt, match="the envelope at 5"):
        unseal(payload[:at] + bytes([byte]) + payload[at + 1 :], 5, "0123abc")


@given(st.integers(0, 400))
def test_an_envelope_cut_short_is_noticed(length: int) -> None:
    payload, _ = sealed(commit())
    with pytest.raises(Corrupt):
        unseal(payload[: min(length, len(payload) - 1)], 5, GENESIS)


def test_an_event_type_nobody_knows_is_not_passed_over() -> None:
    body = encode_commit(commit()).replace(b'"ClusterDeleted"', b'"ClusterSold"')
    payload, _ = seal([body], 7, GENESIS)
    with pytest.raises(Corrupt, match="the envelope at 9 holds something unknown") as corrupt:
        unseal(payload, 9, GENESIS)
    assert "ClusterSold" in str(corrupt.value)


def test_an_envelope_of_a_newer_version_is_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "VERSION", VERSION + 1)
    payload, _ = sealed(commit())
    monkeypatch.setattr(codec, "VERSION", VERSION)
    with pytest.raises(Corrupt, match=f"is of version {VERSION + 1}; this program knows up to {VERSION}"):
        unseal(payload, 1, GENESIS)


def old_envelope(monkeypatch: pytest.MonkeyPatch, version: int, *events: dict[str, Any]) -> bytes:
    """Seal events as they were written when `version` was the version."""
    plain = msgspec.to_builtins(commit(events=[]))
    monkeypatch.setattr(codec, "VERSION", version)
    payload, _ = seal([msgspec.json.encode({**plain, "events": list(events)})], 7, GENESIS)
    return payload


def test_events_of_an_old_version_are_brought_up_to_date_one_version_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Say that once a task's end was TaskDied, with a cause; then TaskStopped, with the cause as its reason."""
    payload = old_envelope(
        monkeypatch,
        VERSION - 2,
        {"type": "TaskDied", "cluster": "prod", "task": "1", "cause": "oom"},
        {"type": "ClusterDeleted", "cluster": "prod"},
    )
    monkeypatch.setattr(codec, "VERSION", VERSION)
    renamed = {"TaskDied": lambda event: {**event, "type": "TaskStopped"}}
    reworded = {
        "TaskStopped": lambda event: {**event, "stopCode": "EssentialContainerExited", "reason": event["cause"]}
    }
    monkeypatch.setattr(codec, "UPCASTERS", {VERSION - 2: renamed, VERSION - 1: reworded})
    (found,) = unseal(payload, 1, GENESIS).commits
    assert found.events == [
        TaskStopped(cluster="prod", task="1", stop_code="EssentialContainerExited", reason="oom"),
        ClusterDeleted(cluster="prod"),
    ]


def test_an_old_event_without_an_upcaster_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = old_envelope(monkeypatch, VERSION - 1, {"type": "TaskDied", "cluster": "prod", "task": "1"})
    monkeypatch.setattr(codec, "VERSION", VERSION)
    with pytest.raises(Corrupt, match=rf"holds something unknown \(version {VERSION - 1}\)"):
        unseal(payload, 1, GENESIS)


def test_the_hash_is_of_version_epoch_predecessor_and_commits_so_that_others_can_check_it() -> None:
    payload, digest = sealed(commit(), prev="abc")
    body = payload.partition(b'"commits":')[2][:-1]
    assert hashlib.sha256(f"{VERSION} 7 abc ".encode() + body).hexdigest() == digest
