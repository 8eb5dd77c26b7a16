"""Credentials of private registries."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest

from quarterdeck.agents.registry_auth import credentials_for, credentials_from
from quarterdeck.agents.runtimes.errors import CannotPullContainerError
from quarterdeck.agents.runtimes.image import Credentials, registry_of

CHEESE = Credentials("moon", "cheese")


def written(folder: Path, auths: object) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps({"auths": auths, "credsStore": "desktop"}))
    return str(path)


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("busybox", "docker.io"),
        ("library/busybox:1", "docker.io"),
        ("quay.io/a/b@sha256:00", "quay.io"),
        ("localhost/a", "localhost"),
        ("127.0.0.1:5000/a:1", "127.0.0.1:5000"),
    ],
)
def test_an_image_names_its_registry(image: str, registry: str) -> None:
    assert registry_of(image) == registry


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": b64encode(b"moon:cheese").decode()},
        {"username": "moon", "password": "cheese"},
    ],
)
def test_a_registry_is_told_what_docker_login_wrote(tmp_path: Path, entry: object) -> None:
    path = written(tmp_path, {"https://quay.io/v2/": entry, "other.example": {}})
    assert credentials_for("quay.io/a/b:1", path) == CHEESE
    assert credentials_for("quay.example/a/b:1", path) is None


def test_docker_hub_has_many_names_and_tokens_go_before_passwords(tmp_path: Path) -> None:
    path = written(tmp_path, {"https://index.docker.io/v1/": {"auth": "", "identitytoken": "t"}})
    assert credentials_for("busybox", path) == Credentials(token="t")


def test_a_file_that_is_not_there_is_the_reason(tmp_path: Path) -> None:
    assert credentials_for("quay.io/a", "") is None
    with pytest.raises(CannotPullContainerError, match=r"config\.json"):
        credentials_for("quay.io/a", str(tmp_path / "config.json"))


def test_a_secret_of_ecs_form_is_read_and_not_shown() -> None:
    found = credentials_from('{"username": "moon", "password": "cheese"}', "dockerhub")
    assert found == CHEESE
    assert "cheese" not in repr(found)
    with pytest.raises(CannotPullContainerError, match="The secret dockerhub is not"):
        credentials_from("cheese", "dockerhub")
