"""Secrets at rest."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from quarterdeck.engine.shell.vault import Vault, VaultClosed

HERE = "us-east-1/000000000000"


def test_what_was_sealed_opens_under_its_own_name_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secrets.key"
    sealed = Vault(path).seal(HERE, "db", "cheese")
    assert path.stat().st_mode & 0o777 == 0o600
    assert "cheese" not in sealed
    assert Vault(path).seal(HERE, "db", "cheese") != sealed
    assert Vault(path).open(HERE, "db", sealed) == "cheese"
    with pytest.raises(VaultClosed, match="another key"):
        Vault(path).open(HERE, "other", sealed)


def test_another_key_or_none_opens_nothing_and_says_which_file(tmp_path: Path) -> None:
    sealed = Vault(tmp_path / "a").seal(HERE, "db", "cheese")
    with pytest.raises(VaultClosed, match="can't be read"):
        Vault(tmp_path / "b").open(HERE, "db", sealed)
    Vault(tmp_path / "b").seal(HERE, "db", "stone")
    with pytest.raises(VaultClosed, match="sealed with another key"):
        Vault(tmp_path / "b").open(HERE, "db", sealed)
    (tmp_path / "b").write_bytes(b"short")
    with pytest.raises(VaultClosed, match="must hold 32 bytes"):
        Vault(tmp_path / "b").open(HERE, "db", sealed)


def test_a_key_that_could_not_be_written_whole_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(VaultClosed, match=r"can't be made.*No space left"):
            Vault(tmp_path / "key").seal(HERE, "db", "cheese")
    assert list(tmp_path.iterdir()) == []
    sealed = Vault(tmp_path / "key").seal(HERE, "db", "cheese")
    assert Vault(tmp_path / "key").open(HERE, "db", sealed) == "cheese"


def test_without_a_file_the_key_lasts_as_long_as_the_engine() -> None:
    vault = Vault(None)
    assert vault.open(HERE, "db", vault.seal(HERE, "db", "cheese")) == "cheese"
