"""Secrets and environment files, on their way into containers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from quarterdeck.agents.environment_files import read
from quarterdeck.agents.runtimes.errors import ResourceInitializationError
from quarterdeck.events import shapes
from quarterdeck.events.secret_exchange import KEY_BYTES, Unopened
from quarterdeck.events.secret_reference import reference, wanted_by
from quarterdeck.events.secret_seal import opened, public_key, seal
from tests.agents.world import World, container, definition, task_id

ONE = task_id(1)
ASM = "arn:aws:secretsmanager:us-east-1:000000000000:secret:prod/db-AbCdEf"
SSM = "arn:aws:ssm:us-east-1:000000000000:parameter/prod/token"
MINE, OTHERS, ONCE = (letter * KEY_BYTES for letter in (b"a", b"b", b"c"))


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.close()


def wanting(**fields: Any) -> shapes.TaskDefinition:
    return definition(container("app", **fields))


def secret(name: str, value_from: str) -> shapes.Secret:
    return shapes.Secret(name=name, value_from=value_from)


def environment(world: World) -> dict[str, str]:
    (held,) = world.containers()
    return world.host.held(held.id).spec.environment


async def test_a_container_gets_its_secrets_and_what_the_definition_says_wins(world: World) -> None:
    world.engine.secrets = {ASM: "cheese", "token": "moon", f"{ASM}:user::": '{"user": "ann", "port": 5}'}
    given = [secret("DB", ASM), secret("TOKEN", "token"), secret("USER", f"{ASM}:user::")]
    own = [shapes.KeyValuePair(name="TOKEN", value="mine")]
    world.start()
    world.engine.place(ONE, definition=wanting(secrets=given, environment=own))
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    found = environment(world)
    assert (found["DB"], found["TOKEN"], found["USER"]) == ("cheese", "mine", "ann")
    assert (found["AWS_REGION"], found["AWS_EXECUTION_ENV"]) == ("us-east-1", "AWS_ECS_EC2")


async def test_options_of_the_log_driver_may_be_secrets(world: World) -> None:
    world.engine.secrets = {"token": "moon"}
    log = shapes.LogConfiguration(log_driver="splunk", secret_options=[secret("splunk-token", "token")])
    world.start()
    world.engine.place(ONE, definition=wanting(log_configuration=log))
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    (held,) = world.containers()
    assert world.host.held(held.id).spec.log_options == {"splunk-token": "moon"}


@pytest.mark.parametrize(
    ("value_from", "reason"),
    [
        (
            ASM,
            (
                "unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret "
                f"{ASM} from secrets manager: "
                "ResourceNotFoundException: Secrets Manager can't find the specified secret."
            ),
        ),
        (
            SSM,
            f"unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: {SSM}",
        ),
    ],
)
async def test_a_secret_there_is_not_stops_the_task_in_ecs_words(world: World, value_from: str, reason: str) -> None:
    world.start()
    world.engine.place(ONE, definition=wanting(secrets=[secret("DB", value_from)]))
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    pull = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed:"
    assert world.engine.last(ONE).reason == f"{pull} {reason}"
    assert world.containers() == []


async def test_a_key_a_secret_has_not_is_the_reason(world: World) -> None:
    world.engine.secrets = {f"{ASM}:user::": '{"name": "ann"}'}
    world.start()
    world.engine.place(ONE, definition=wanting(secrets=[secret("USER", f"{ASM}:user::")]))
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    assert (world.engine.last(ONE).reason or "").endswith("retrieved secret did not contain json key user")


async def test_while_the_engine_is_away_a_task_waits_for_its_secrets(world: World) -> None:
    world.engine.secrets = {"token": "moon"}
    world.start()
    await world.go(1)
    world.engine.place(ONE, definition=wanting(secrets=[secret("TOKEN", "token")]))
    world.engine.down = True
    await world.go(60)
    assert world.containers() == []
    world.engine.down = False
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    assert environment(world)["TOKEN"] == "moon"


async def test_credentials_of_a_registry_may_be_a_secret(world: World) -> None:
    world.engine.secrets = {ASM: "cheese"}
    registry = shapes.RepositoryCredentials(credentials_parameter=ASM)
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "missing:1", repository_credentials=registry)))
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    assert f"The secret {ASM} is not of the form" in (world.engine.last(ONE).reason or "")


def test_references_name_secrets_with_and_without_their_suffix() -> None:
    assert reference(ASM).names == ("prod/db-AbCdEf", "prod/db")
    assert reference(f"{ASM}:user::").key == "user"
    assert reference(SSM).names == ("prod/token", "/prod/token")
    assert (reference("plain").store, reference("plain").names) == ("ssm", ("plain",))


def test_a_definition_names_all_it_may_ask_for() -> None:
    log = shapes.LogConfiguration(log_driver="splunk", secret_options=[secret("a", "log")])
    registry = shapes.RepositoryCredentials(credentials_parameter="registry")
    whole = wanting(secrets=[secret("b", "own")], log_configuration=log, repository_credentials=registry)
    assert wanted_by(whole) == {"own", "log", "registry"}


def test_only_the_agent_it_was_sealed_for_opens_a_secret_and_only_for_its_task() -> None:
    sealed = seal({"a": "cheese"}, public_key(MINE), "task", ONCE)
    assert opened(sealed, MINE, "task") == {"a": "cheese"}
    assert "cheese" not in sealed
    for key, task in ((OTHERS, "task"), (MINE, "other")):
        with pytest.raises(Unopened):
            opened(sealed, key, task)


def test_the_first_file_that_names_a_variable_decides_it(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "a.env").write_text("# a comment\nA=1\nB=x=y\n\nnothing\n")
    (tmp_path / "bucket" / "b.env").write_text("A=2\nC=3\n")
    files = ("arn:aws:s3:::bucket/a.env", "arn:aws:s3:::bucket/b.env")
    assert read(str(tmp_path), files) == {"A": "1", "B": "x=y", "C": "3"}


@pytest.mark.parametrize(
    ("folder", "value", "why"),
    [
        ("", "arn:aws:s3:::bucket/a.env", "no folder"),
        ("here", "arn:aws:s3:::bucket/none.env", "No such file"),
        ("here", "arn:aws:s3:::../outside.env", "outside"),
        ("here", "arn:aws:s3:::/etc/passwd", "outside"),
        ("here", "arn:aws:s3:::bucket/\0", "null"),
    ],
)
def test_a_file_that_may_not_be_read_is_the_reason(tmp_path: Path, folder: str, value: str, why: str) -> None:
    (tmp_path / "outside.env").write_text("A=1")
    (tmp_path / "here").mkdir()
    with pytest.raises(ResourceInitializationError, match=f"failed to download env files: .*{why}"):
        read(str(tmp_path / folder) if folder else "", (value,))
