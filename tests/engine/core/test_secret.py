"""Secrets of an account: stored sealed, and given to the agent of a task that names them."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import secret
from quarterdeck.engine.core.errors import AccessDeniedException
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.secret import SecretDeleted, SecretStored
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from tests.engine.core import story as told
from tests.engine.core.story import Story

ASM = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf"


def store(turn: Turn, name: str) -> None:
    secret.store(turn, name, "sealed")


def delete(turn: Turn, name: str) -> None:
    secret.delete(turn, name)


def test_a_secret_is_stored_anew_under_its_name_and_counted() -> None:
    story = Story()
    assert story.when(store, "db") == [SecretStored(secret="db", sealed="sealed")]
    story.now += 5
    story.when(store, "db")
    story.when(store, "api")
    found = secret.listed(story.turn())
    assert [(each.name, each.version) for each in found] == [("api", 1), ("db", 2)]
    assert (found[1].created_at, found[1].changed_at) == (told.NOON, told.NOON + 5)


def test_a_deleted_secret_is_no_more() -> None:
    story = Story()
    story.when(store, "db")
    assert story.when(delete, "db") == [SecretDeleted(secret="db")]
    assert secret.listed(story.turn()) == []
    assert story.refusal(delete, "db")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize("name", ["", "a b", "a" * 513, "é", "a:b"])
def test_what_no_store_of_aws_takes_for_a_name_is_refused(name: str) -> None:
    assert Story().refusal(store, name)[0] == "InvalidParameterException"


def test_a_full_store_takes_new_values_of_old_names_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "SECRETS_MAX", 1)
    story = Story()
    story.when(store, "db")
    assert story.when(store, "db")
    assert story.refusal(store, "other")[0] == "LimitExceededException"


def placed() -> Story:
    """A task on instance a1, whose definition names a secret."""
    named = shapes.ContainerDefinition(name="app", secrets=[shapes.Secret(name="DB", value_from=ASM)])
    definition = shapes.TaskDefinition(family="web", revision=1, container_definitions=[named])
    story = told.given(
        told.joined("a1"),
        TaskDefinitionRegistered(family="web", revision=1, definition=definition),
        told.placed("t1", "a1", definition="web:1"),
    )
    story.when(store, "db")
    return story


def give(story: Story, instance: str, task: str, *value_from: str) -> dict[str, str | None]:
    found = secret.given(story.turn(), "default", instance, task, value_from)
    return {each: state.name if state is not None else None for each, state in found.items()}


def test_the_agent_of_a_task_is_given_what_its_definition_names() -> None:
    story = placed()
    assert give(story, "a1", "t1", ASM) == {ASM: "db"}
    story.when(delete, "db")
    assert give(story, "a1", "t1", ASM) == {ASM: None}


def test_nobody_else_is_given_anything() -> None:
    story = placed()
    story.when(store, "other")
    for instance, task, value_from in (("b1", "t1", ASM), ("a1", "t2", ASM), ("a1", "t1", "other")):
        with pytest.raises(AccessDeniedException):
            give(story, instance, task, value_from)
