"""Access keys: what is written can be read again by its owner alone, and is good or gone at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from errno import ENOSPC
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.engine.api.account import account_of, key_id
from quarterdeck.engine.api.keys import FILE, OPENER, Keys, KeysUnreadable, NoSuchKey

ACCOUNT = "123456789012"
accounts = st.integers(0, 10**12 - 1).map(lambda number: f"{number:012d}")


@given(accounts, st.binary(min_size=5, max_size=5))
def test_a_key_id_tells_its_account(account: str, noise: bytes) -> None:
    made = key_id(account, noise)
    assert len(made) == 20
    assert account_of(made) == account


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("123456789012", "123456789012"),
        ("ASIAQNZGKIQY56JQ7WML", "029608264753"),
        ("AKIAIOSFODNN7EXAMPLE", "581039954779"),
        ("test", "000000000000"),
        ("AKIA7777777777777777", "000000000000"),  # 40 bits that are no account
        ("AKIAlowercase1234567", "000000000000"),
    ],
)
def test_accounts_are_read_as_aws_writes_them(name: str, account: str) -> None:
    assert account_of(name) == account


def test_a_key_is_found_by_whoever_reads_the_directory(tmp_path: Path) -> None:
    reader = Keys(tmp_path)
    assert reader.all() == []
    made = Keys(tmp_path).create(ACCOUNT, 1.5, "ann")
    assert reader.find(made.id) == made
    assert made.principal == "arn:aws:iam::123456789012:user/ann"
    assert len(made.secret) == 40
    assert account_of(made.id) == ACCOUNT


def test_a_deleted_key_is_gone_as_soon_as_the_file_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quarterdeck.engine.api.keys.LOOK_SECONDS", 0.0)
    keys, reader = Keys(tmp_path), Keys(tmp_path)
    first, second = keys.create(ACCOUNT, 1.0), keys.create(ACCOUNT, 2.0)
    assert reader.find(first.id) is not None
    keys.delete(first.id)
    assert reader.find(first.id) is None
    assert reader.all() == [second]
    with pytest.raises(NoSuchKey):
        keys.delete(first.id)


def test_secrets_are_not_in_the_file_nor_in_words(tmp_path: Path) -> None:
    made = Keys(tmp_path).create(ACCOUNT, 1.0)
    assert made.secret.encode() not in (tmp_path / FILE).read_bytes()
    assert made.secret not in repr(made)
    for name in (FILE, OPENER):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_secret_moved_to_another_account_does_not_open(tmp_path: Path) -> None:
    Keys(tmp_path).create(ACCOUNT, 1.0)
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes().replace(ACCOUNT.encode(), b"999999999999"))
    with pytest.raises(KeysUnreadable, match="can't be opened"):
        Keys(tmp_path).all()


@pytest.mark.parametrize("content", [b"", b"[", b'{"a": 1}', b'[{"id": 1}]', b"\xff"])
def test_a_broken_file_says_which(tmp_path: Path, content: bytes) -> None:
    Keys(tmp_path).create(ACCOUNT, 1.0)
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(KeysUnreadable, match=FILE):
        Keys(tmp_path).find("AKIA")


def test_a_lost_opener_is_not_made_anew(tmp_path: Path) -> None:
    Keys(tmp_path).create(ACCOUNT, 1.0)
    (tmp_path / OPENER).unlink()
    with pytest.raises(KeysUnreadable, match=OPENER):
        Keys(tmp_path).create(ACCOUNT, 2.0)


def test_keys_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: Keys(tmp_path).create(ACCOUNT, float(number)), range(24)))
    assert {each.id for each in Keys(tmp_path).all()} == {each.id for each in made}


def test_the_file_holds_json_for_other_tools(tmp_path: Path) -> None:
    made = Keys(tmp_path).create(ACCOUNT, 1.0)
    (stored,) = msgspec.json.decode((tmp_path / FILE).read_bytes())
    assert stored["id"] == made.id
    assert set(stored) == {"id", "account", "user", "created", "sealed"}


def test_a_disk_that_is_full_for_a_while_leaves_no_empty_opener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(KeysUnreadable, match="No space left"):
            Keys(tmp_path).create(ACCOUNT, 1.0)
    made = Keys(tmp_path).create(ACCOUNT, 2.0)
    assert Keys(tmp_path).find(made.id) == made
    assert sorted(each.name for each in tmp_path.iterdir() if each.suffix != ".lock") == sorted([FILE, OPENER])
