"""Who an agent is, on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from quarterdeck.agents.identity import (
    DataDirectory,
    DirectoryInUse,
    DirectoryUnusable,
    IdentityMismatch,
    IdentityUnreadable,
    take,
)
from quarterdeck.agents.settings import Settings

SETTINGS = Settings(host="here")
ARN = "arn:aws:ecs:us-east-1:000000000000:container-instance/default/0123"


def token(digits: int) -> str:
    return "a" * digits


def test_a_new_identity_is_kept_readable_by_its_owner_only(tmp_path: Path) -> None:
    store = DataDirectory(tmp_path / "agent")
    made = take(store, SETTINGS, token)
    assert made.instance_id == "i-" + "a" * 17
    assert (tmp_path / "agent/agent.json").stat().st_mode & 0o777 == 0o600
    store.close()


def test_each_agent_is_a_new_incarnation_of_the_same_instance(tmp_path: Path) -> None:
    first = DataDirectory(tmp_path)
    made = take(first, SETTINGS, token)
    first.save(msgspec.structs.replace(made, container_instance_arn=ARN))
    first.close()
    second = DataDirectory(tmp_path)
    again = take(second, SETTINGS, lambda digits: "b" * digits)
    assert (again.instance_id, again.incarnation, again.container_instance) == (made.instance_id, 2, "0123")
    second.close()


def test_a_second_agent_is_turned_away_and_may_come_back(tmp_path: Path) -> None:
    first, second = DataDirectory(tmp_path), DataDirectory(tmp_path)
    take(first, SETTINGS, token)
    with pytest.raises(DirectoryInUse, match=str(tmp_path)):
        take(second, SETTINGS, token)
    first.close()
    take(second, SETTINGS, token)
    second.close()


def test_a_copy_of_a_data_directory_is_told_from_it(tmp_path: Path) -> None:
    store = DataDirectory(tmp_path / "agent")
    take(store, SETTINGS, token)
    origin = store.origin
    store.close()
    shutil.copytree(tmp_path / "agent", tmp_path / "copy")
    (tmp_path / "agent").rename(tmp_path / "moved")
    copy, moved = DataDirectory(tmp_path / "copy"), DataDirectory(tmp_path / "moved")
    assert take(copy, SETTINGS, token) == take(moved, SETTINGS, token)
    assert origin == moved.origin != copy.origin
    copy.close()
    moved.close()


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (Settings(host="here", cluster="blue"), "cluster default, not blue"),
        (Settings(host="here", instance_type="big"), "not big"),
    ],
)
def test_another_identity_is_refused_with_the_way_out(tmp_path: Path, asked: Settings, named: str) -> None:
    store = DataDirectory(tmp_path)
    store.save(msgspec.structs.replace(take(store, SETTINGS, token), container_instance_arn=ARN))
    store.close()
    with pytest.raises(IdentityMismatch, match=named) as caught:
        take(store, asked, token)
    assert str(tmp_path) in str(caught.value)
    assert "empty data directory" in str(caught.value)
    take(store, SETTINGS, token)  # and lets go of the directory
    store.close()


def test_a_name_that_never_became_an_instance_binds_nobody(tmp_path: Path) -> None:
    store = DataDirectory(tmp_path)
    take(store, Settings(host="here", cluster="a-typo"), token)
    store.close()
    assert take(store, SETTINGS, lambda digits: "b" * digits).cluster == "default"
    store.close()


def test_a_place_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DirectoryUnusable, match=r"file/agent.*--data"):
        take(DataDirectory(tmp_path / "file/agent"), SETTINGS, token)


def test_a_broken_file_is_said_to_be_broken(tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_text("{")
    store = DataDirectory(tmp_path)
    for _ in range(2):
        with pytest.raises(IdentityUnreadable, match=r"agent\.json"):
            take(store, SETTINGS, token)
