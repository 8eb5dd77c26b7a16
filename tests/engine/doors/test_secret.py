"""Secrets at their door: who stored them is told as everywhere."""

from __future__ import annotations

import json

import pytest

from quarterdeck.engine.doors.commands import DoorSettings
from quarterdeck.events.codec import unseal
from quarterdeck.events.log.server import Server
from tests.engine.outside import SCOPE, engine, outsider

pytestmark = pytest.mark.nats


@pytest.mark.parametrize(("trust", "actor"), [(False, "arn:aws:iam::000000000000:root"), (True, "ann")])
async def test_an_actor_is_believed_only_where_that_was_allowed(server: Server, trust: bool, actor: str) -> None:
    async with engine(server, DoorSettings(trust_actor=trust)) as replica, outsider(server) as client:
        body = json.dumps({"name": "password", "value": "x"}).encode()
        answer = await client.raw(f"qd.secret.{SCOPE}.store", body, {"Qd-Actor": "ann"})
        assert json.loads(answer.data)["name"] == "password"
        records = [each async for batch in replica.log.read(0) for each in batch]
        commits = unseal(records[-1].payload, records[-1].sequence, None).commits
        assert [each.actor for each in commits] == [actor]
