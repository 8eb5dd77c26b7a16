"""Where node cannot be had, the last lines of the report say what is lacking."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import node


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A path with nothing on it but what a test puts there, and nothing installed yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(node, "INSTALLED", tmp_path / "installed")
    node.missing.cache_clear()
    return tmp_path


def put(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(["#!/bin/sh", *lines]))
    (folder / name).chmod(0o755)


def test_without_node_it_says_what_to_install() -> None:
    assert node.missing() == "no node with npm (Debian: apt install nodejs npm)"


def test_a_node_that_is_too_old_is_named(alone: Path) -> None:
    put(alone, "node", "echo v16.20.2")
    put(alone, "npm")
    assert node.missing() == "node is v16.20.2, 18 or newer is needed"


def test_what_npm_says_when_it_fails_is_told(alone: Path) -> None:
    put(alone, "node", "echo v18.20.4")
    put(alone, "npm", "echo 'npm ERR! network' >&2", "exit 1")
    assert node.missing() == "npm could not install what is pinned: npm ERR! network"
    assert not node.up_to_date()


def test_what_is_pinned_is_installed_once(alone: Path) -> None:
    put(alone, "node", "echo v18.20.4")
    put(alone, "npm", "/bin/mkdir node_modules")  # a second time it would fail
    assert node.missing() is None
    node.missing.cache_clear()
    assert node.missing() is None


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (node.PINS / "package-lock.json").read_text()
