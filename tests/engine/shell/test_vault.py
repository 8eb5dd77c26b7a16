"""Secrets at rest."""

from __future__ import annotations

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


def test_without_a_file_the_key_lasts_as_long_as_the_engine() -> None:
    vault = Vault(None)
    assert vault.open(HERE, "db", vault.seal(HERE, "db", "cheese")) == "cheese"
