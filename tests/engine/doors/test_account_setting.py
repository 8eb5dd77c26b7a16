"""Account settings at the door: each principal's own, and what is in force (spec §11.1)."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from quarterdeck.engine.doors.door import Call
from tests.engine.doors.asking import ACTOR, NAMESPACE, Asker, asking

ANN = "arn:aws:iam::000000000000:user/ann"


async def ask_as(asker: Asker, actor: str, operation: str, **members: Any) -> dict[str, Any]:
    door = asker.replica.door
    request = door.decode(operation, json.dumps(members).encode())
    answer = await door.carry_out(Call(namespace=NAMESPACE, operation=operation, actor=actor), request)
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(answer.response))
    return plain


async def test_the_caller_chooses_for_itself() -> None:
    async with asking() as asker:
        answer = await ask_as(asker, ANN, "PutAccountSetting", name="containerInsights", value="enabled")
        chosen = {"name": "containerInsights", "value": "enabled", "principalArn": ANN, "type": "user"}
        assert answer == {"setting": chosen}
        assert await ask_as(asker, ANN, "ListAccountSettings") == {"settings": [chosen]}
        assert await asker.ask("ListAccountSettings", principalArn=ANN) == {"settings": [chosen]}
        assert await asker.ask("ListAccountSettings") == {"settings": []}
        assert await ask_as(asker, ANN, "DeleteAccountSetting", name="containerInsights") == {"setting": chosen}
        assert await ask_as(asker, ANN, "ListAccountSettings") == {"settings": []}


async def test_what_is_in_force_falls_back_from_principal_to_default_to_ecs() -> None:
    async with asking() as asker:

        async def value() -> str:
            asked = {"name": "containerInsights", "effectiveSettings": True}
            (found,) = (await ask_as(asker, ANN, "ListAccountSettings", **asked))["settings"]
            return str(found["value"])

        assert await value() == "disabled"
        answer = await asker.ask("PutAccountSettingDefault", name="containerInsights", value="enhanced")
        assert answer["setting"]["principalArn"] == ACTOR
        assert await value() == "enhanced"
        await ask_as(asker, ANN, "PutAccountSetting", name="containerInsights", value="enabled")
        assert await value() == "enabled"
        made = await ask_as(asker, ANN, "CreateCluster")
        assert made["cluster"]["settings"] == [{"name": "containerInsights", "value": "enabled"}]


async def test_settings_are_listed_ten_at_a_time() -> None:
    async with asking() as asker:
        first = await asker.ask("ListAccountSettings", effectiveSettings=True)
        assert len(first["settings"]) == 10
        second = await asker.ask("ListAccountSettings", effectiveSettings=True, nextToken=first["nextToken"])
        assert "nextToken" not in second
        names = [each["name"] for each in first["settings"] + second["settings"]]
        assert names[:3] == ["serviceLongArnFormat", "taskLongArnFormat", "containerInstanceLongArnFormat"]
        assert len(set(names)) == len(names) == 12
        assert (await asker.refusal("ListAccountSettings", maxResults=11))[0] == "InvalidParameterException"
        on = await asker.ask("ListAccountSettings", effectiveSettings=True, name="taskLongArnFormat", value="enabled")
        assert len(on["settings"]) == 1
        off = await asker.ask("ListAccountSettings", effectiveSettings=True, name="taskLongArnFormat", value="disabled")
        assert off["settings"] == []
        assert (await asker.refusal("ListAccountSettings", value="enabled"))[0] == "InvalidParameterException"
        assert (await asker.refusal("ListAccountSettings", name="colour"))[0] == "InvalidParameterException"
