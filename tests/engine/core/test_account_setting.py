"""Account settings: chosen by principals, by default, and fallen back from (spec §11.1)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import account_setting as settings
from quarterdeck.events import shapes
from quarterdeck.events.account_setting import AccountSettingDeleted, AccountSettingPut
from tests.engine.core.story import Story, given

PUT = shapes.PutAccountSettingRequest
DEFAULT = shapes.PutAccountSettingDefaultRequest
DELETE = shapes.DeleteAccountSettingRequest
ROOT = "arn:aws:iam::000000000000:root"
ANN = "arn:aws:iam::000000000000:user/ann"
INVALID = "InvalidParameterException"


def described(name: str, value: str, principal: str) -> shapes.Setting:
    return shapes.Setting(name=name, value=value, principal_arn=principal, type="user")


def test_nobody_named_means_the_caller() -> None:
    story = Story()
    assert story.when(settings.put, PUT(name="containerInsights", value="enabled")) == [
        AccountSettingPut(name="containerInsights", principal=ROOT, value="enabled")
    ]
    assert story.answer == described("containerInsights", "enabled", ROOT)
    assert story.when(settings.put, PUT(name="containerInsights", value="enabled")) == []


def test_a_principal_overrides_the_default_and_falls_back_to_it() -> None:
    story = Story()
    story.when(settings.put_default, DEFAULT(name="awsvpcTrunking", value="enabled"))
    story.when(settings.put, PUT(name="awsvpcTrunking", value="disabled", principal_arn=ANN))
    assert settings.in_force(story.turn(), "awsvpcTrunking", ANN) == "disabled"
    assert settings.in_force(story.turn(), "awsvpcTrunking", ROOT) == "enabled"
    assert story.when(settings.delete, DELETE(name="awsvpcTrunking", principal_arn=ANN)) == [
        AccountSettingDeleted(name="awsvpcTrunking", principal=ANN)
    ]
    assert story.answer == described("awsvpcTrunking", "disabled", ANN), "what was removed"
    assert settings.in_force(story.turn(), "awsvpcTrunking", ANN) == "enabled"
    assert story.when(settings.delete, DELETE(name="awsvpcTrunking", principal_arn=ANN)) == []
    assert story.answer == described("awsvpcTrunking", "enabled", ANN), "what is in force"


def test_settings_alone_are_worth_remembering() -> None:
    story = Story()
    empty = story.view.fingerprint()
    story.when(settings.put, PUT(name="containerInsights", value="enabled"))
    assert story.view.fingerprint() != empty
    assert story.retold().fingerprint() == story.view.fingerprint()


@pytest.mark.parametrize(
    ("name", "value", "principal", "message"),
    [
        ("colour", "blue", None, "unknown should be one of [serviceLongArnFormat,taskLongArnFormat,"),
        (None, "blue", None, "unknown should be one of [serviceLongArnFormat,"),
        ("containerInsights", "on", None, "Value should be one of [disabled,enabled,enhanced]"),
        ("taskLongArnFormat", "disabled", None, "Value should be one of [enabled]"),
        ("guardDutyActivate", "on", None, "The account setting guardDutyActivate is managed by AWS"),
        ("containerInsights", "enabled", "ann", "Invalid principalArn"),
        ("containerInsights", "enabled", ANN.replace("0" * 12, "1" * 12), "Invalid principalArn"),
    ],
)
def test_what_can_not_be_chosen_is_refused(name: str, value: str, principal: str | None, message: str) -> None:
    code, text = given().refusal(settings.put, PUT(name=name, value=value, principal_arn=principal))
    assert code == INVALID
    assert text.startswith(message)
    if principal is None:
        assert given().refusal(settings.put_default, DEFAULT(name=name, value=value)) == (code, text)


def test_only_what_there_is_can_be_deleted() -> None:
    assert given().refusal(settings.delete, DELETE(name="colour"))[0] == INVALID
