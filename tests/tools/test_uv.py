"""uv gets the package sources that pip is configured for."""

from __future__ import annotations

import pytest

from tools.uv import configured, environment


def test_several_values_are_joined_as_uv_wants_them() -> None:
    listing = (
        "global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'\nglobal.find-links='/w /v'\n"
    )
    assert configured(listing) == {
        "UV_INDEX": "https://a.example/simple https://b.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/w,/v",
    }


def test_the_environment_wins_over_the_command_and_that_over_the_rest() -> None:
    listing = "global.cert='/global'\ninstall.cert='/install'\n"
    assert configured(listing) == {"SSL_CERT_FILE": "/install"}
    assert configured(f":env:.cert='/environment'\n{listing}") == {"SSL_CERT_FILE": "/environment"}


def test_what_uv_has_no_use_for_is_left_out() -> None:
    assert configured(":env:.disable-pip-version-check='1'\n\n") == {}


def test_a_lock_is_made_from_the_whole_index_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("UV_FIND_LINKS", "SSL_CERT_FILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("tools.uv.pip", lambda *_: "global.find-links='/w'\nglobal.cert='/c'\n")
    assert environment(["pip", "sync"])["UV_FIND_LINKS"] == "/w"
    lock = environment(["pip", "compile"])
    assert lock["SSL_CERT_FILE"] == "/c"
    assert "UV_FIND_LINKS" not in lock
