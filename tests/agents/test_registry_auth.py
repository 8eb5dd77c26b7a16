"""Credentials of private registries."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from quarterdeck.agents import registry_auth
from quarterdeck.agents.registry_auth import credentials_for, credentials_from
from quarterdeck.agents.runtimes.errors import CannotPullContainerError
from quarterdeck.agents.runtimes.image import Credentials, registry_of

CHEESE = Credentials("moon", "cheese")


def written(folder: Path, auths: object, **others: object) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps({"auths": auths, **others}))
    return str(path)


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a credential helper on the path: a shell script that finds what it is asked for in $server."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def put(name: str, script: str) -> None:
        path = tmp_path / f"docker-credential-{name}"
        path.write_text(f'#!/bin/sh\n[ "$1" = get ] || exit 9\nserver=$(cat)\n{script}\n')
        path.chmod(0o755)

    return put


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
async def test_a_registry_is_told_what_docker_login_wrote(tmp_path: Path, entry: object) -> None:
    path = written(tmp_path, {"https://quay.io/v2/": entry, "other.example": {}})
    assert await credentials_for("quay.io/a/b:1", path) == CHEESE
    assert await credentials_for("quay.example/a/b:1", path) is None


async def test_docker_hub_has_many_names_and_tokens_go_before_passwords(tmp_path: Path) -> None:
    path = written(tmp_path, {"https://index.docker.io/v1/": {"auth": "", "identitytoken": "t"}})
    assert await credentials_for("busybox", path) == Credentials(token="t")


async def test_a_file_that_is_not_there_is_the_reason(tmp_path: Path) -> None:
    assert await credentials_for("quay.io/a", "") is None
    with pytest.raises(CannotPullContainerError, match=r"config\.json"):
        await credentials_for("quay.io/a", str(tmp_path / "config.json"))


def test_a_secret_of_ecs_form_is_read_and_not_shown() -> None:
    found = credentials_from('{"username": "moon", "password": "cheese"}', "dockerhub")
    assert found == CHEESE
    assert "cheese" not in repr(found)
    with pytest.raises(CannotPullContainerError, match="The secret dockerhub is not"):
        credentials_from("cheese", "dockerhub")


def test_members_a_secret_of_ecs_form_does_not_have_mean_nothing() -> None:
    secret = '{"username": "moon", "password": "cheese", "auth": "%", "identitytoken": "t"}'
    assert credentials_from(secret, "dockerhub") == CHEESE


async def test_a_registrys_helper_is_asked_before_all_else(tmp_path: Path, helper: Callable[[str, str], None]) -> None:
    helper("vault", """echo '{"Username": "moon", "Secret": "'$server'"}'""")
    auths = {"quay.io": {"username": "sun", "password": "x"}}
    path = written(tmp_path, auths, credHelpers={"quay.io": "vault"}, credsStore="none-such")
    assert await credentials_for("quay.io/a:1", path) == Credentials("moon", "quay.io")


async def test_the_store_is_asked_for_what_docker_login_gave_it(
    tmp_path: Path, helper: Callable[[str, str], None]
) -> None:
    """What the file itself has goes first; a token is told by the name of its user."""
    helper("vault", """echo '{"Username": "<token>", "Secret": "'$server'"}'""")
    auths = {"https://index.docker.io/v1/": {}, "quay.io": {"username": "moon", "password": "cheese"}}
    path = written(tmp_path, auths, credsStore="vault")
    assert await credentials_for("busybox", path) == Credentials(token="https://index.docker.io/v1/")
    assert await credentials_for("quay.io/a", path) == CHEESE
    assert await credentials_for("ghcr.io/a", path) == Credentials(token="ghcr.io")


async def test_a_helper_that_has_nothing_lets_the_registry_be_asked_as_nobody(
    tmp_path: Path, helper: Callable[[str, str], None]
) -> None:
    helper("vault", "echo credentials not found in native keychain; exit 1")
    assert await credentials_for("quay.io/a", written(tmp_path, {}, credsStore="vault")) is None


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo the vault is locked; exit 1", "docker-credential-vault has nothing for quay.io: the vault is locked"),
        ("exit 4", "it ended with 4"),
        ("echo '{'", "what it says can't be read"),
        ("exec sleep 60", "docker-credential-vault took too long"),
    ],
)
async def test_a_helper_that_fails_is_the_reason(
    tmp_path: Path, helper: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    monkeypatch.setattr(registry_auth, "HELPER_SECONDS_MAX", 0.5 if "sleep" in script else 30.0)
    helper("vault", script)
    with pytest.raises(CannotPullContainerError, match=says):
        await credentials_for("quay.io/a", written(tmp_path, {}, credsStore="vault"))


@pytest.mark.parametrize(("name", "says"), [("none-such", "can't be run"), ("../bad", "not the name")])
async def test_a_helper_that_is_not_there_is_the_reason(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(CannotPullContainerError, match=says):
        await credentials_for("quay.io/a", written(tmp_path, {}, credsStore=name))
