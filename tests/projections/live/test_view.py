"""The live view: every event folds, positions move, commands are remembered for a day."""

from __future__ import annotations

import pytest

from quarterdeck.events.catalog import EVENT_TYPES
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.codec import GENESIS
from quarterdeck.events.commit import Chained, Commit
from quarterdeck.projections.live import view as live
from quarterdeck.projections.live.view import EVOLVE, LiveView
from tests.engine.core.story import NAMESPACE, created, defined, given, joined, placed


def commit(name: str, *, at: float = 0.0, command: str = "", digest: str = "") -> Commit:
    event = ClusterCreated(cluster=name)
    return Commit(
        id=f"1.{name}",
        at=at,
        namespace=NAMESPACE,
        actor="me",
        operation="CreateCluster",
        command=command,
        digest=digest,
        events=[event],
    )


def test_every_event_there_is_changes_the_view() -> None:
    assert set(EVOLVE) == set(EVENT_TYPES.values())


def test_the_position_moves_with_each_envelope() -> None:
    view = LiveView()
    assert (view.sequence, view.hash) == (0, GENESIS)
    view.fold(Chained(7, 1, "abc", [commit("a"), commit("b")]))
    assert (view.sequence, view.hash) == (7, "abc")
    assert list(view.namespaces) == [NAMESPACE]
    assert list(view.namespace(NAMESPACE).clusters) == ["a", "b"]


def test_namespaces_know_nothing_of_one_another() -> None:
    view = LiveView()
    view.fold(Chained(1, 1, "abc", [commit("a")]))
    assert view.namespace("eu-west-1/000000000000").clusters == {}


def test_a_commands_token_is_remembered_with_its_outcome() -> None:
    view = LiveView()
    view.fold(Chained(3, 1, "abc", [commit("a", command="t1", digest="d1"), commit("b")]))
    assert list(view.commands) == [(NAMESPACE, "t1")]
    found = view.commands[NAMESPACE, "t1"]
    assert (found.commit, found.sequence, found.digest) == ("1.a", 3, "d1")


def test_a_token_is_forgotten_after_a_day() -> None:
    view = LiveView()
    view.fold(Chained(1, 1, "x", [commit("a", at=0.0, command="old"), commit("b", at=1.0, command="young")]))
    view.fold(Chained(2, 1, "y", [commit("c", at=24 * 3600.0 + 0.5, command="new")]))
    assert [token for _, token in view.commands] == ["young", "new"]


def test_only_so_many_tokens_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "COMMANDS_KEPT_MAX", 2)
    view = LiveView()
    view.fold(Chained(1, 1, "x", [commit(name, command=name) for name in "abc"]))
    assert [token for _, token in view.commands] == ["b", "c"]


def test_a_fingerprint_tells_two_states_apart_and_not_what_was_only_looked_at() -> None:
    one = given(defined(), joined("a1"), created(count=1))
    other = given(defined(), joined("a1"), created(count=1))
    other.view.namespace("eu-west-1/000000000000")
    other.cluster().room.group("never used")
    assert one.view.fingerprint() == other.view.fingerprint()
    other.given(placed("t1", "a1", service="web"))
    assert one.view.fingerprint() != other.view.fingerprint()
