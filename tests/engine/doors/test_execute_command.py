"""ExecuteCommand at the doors: a session that its agent redeems once, soon, with the token it was given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.shell import sessions
from quarterdeck.engine.shell.sessions import Sessions
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.session import Grant, Redemption
from tests.engine.doors.asking import ARN, NAMESPACE, NOON, Asker, asking

GRANT = Grant(task="t", container="c", command="sh")
HERE = Instance(str(NAMESPACE), "default", "a1")


@asynccontextmanager
async def given() -> AsyncIterator[tuple[Asker, dict[str, Any], Instance]]:
    """A session with the only container of a task."""
    async with asking() as asker:
        (instance,) = await asker.furnish()
        task = (await asker.ask("RunTask", taskDefinition="app", enableExecuteCommand=True))["tasks"][0]["taskArn"]
        await asker.run_all()
        answer = await asker.ask("ExecuteCommand", task=task, command="sh", interactive=True)
        yield asker, answer, Instance(str(NAMESPACE), "default", instance)


async def test_the_answer_says_where_the_session_is_opened() -> None:
    async with given() as (asker, answer, instance):
        task = answer["taskArn"].rpartition("/")[2]
        assert answer["clusterArn"] == ARN + "cluster/default"
        assert answer["containerArn"].startswith(f"{ARN}container/default/{task}/")
        assert (answer["containerName"], answer["interactive"]) == ("main", True)
        session = answer["session"]
        where = f"nats:qd.io.us-east-1.000000000000.default.{instance.container_instance}.open"
        assert session["streamUrl"] == where
        grant = asker.replica.door.sessions.redeem(
            instance, Redemption(session=session["sessionId"], token=session["tokenValue"]), NOON
        )
        assert grant == Grant(task=task, container="main", command="sh")
        (described,) = (await asker.ask("DescribeTasks", tasks=[task]))["tasks"]
        (agent,) = described["containers"][0]["managedAgents"]
        assert agent == {"name": "ExecuteCommandAgent", "lastStatus": "RUNNING", "lastStartedAt": NOON}


async def test_a_command_changes_nothing_of_its_task() -> None:
    async with given() as (asker, answer, _):
        (before,) = (await asker.ask("DescribeTasks", tasks=[answer["taskArn"]]))["tasks"]
        await asker.ask("ExecuteCommand", task=answer["taskArn"], command="sh", interactive=True)
        assert (await asker.ask("DescribeTasks", tasks=[answer["taskArn"]]))["tasks"] == [before]


async def test_managed_agents_share_the_life_of_their_container() -> None:
    async with given() as (asker, answer, _):
        new = (await asker.ask("RunTask", taskDefinition="app", enableExecuteCommand=True))["tasks"][0]
        assert new["containers"][0]["managedAgents"] == [{"name": "ExecuteCommandAgent", "lastStatus": "PENDING"}]
        without = (await asker.ask("RunTask", taskDefinition="app"))["tasks"][0]
        assert "managedAgents" not in without["containers"][0]
        await asker.ask("SubmitTaskStateChange", task=answer["taskArn"], status="STOPPED")
        (described,) = (await asker.ask("DescribeTasks", tasks=[answer["taskArn"]]))["tasks"]
        (agent,) = described["containers"][0]["managedAgents"]
        assert (agent["lastStatus"], agent["lastStartedAt"]) == ("STOPPED", NOON)


@pytest.mark.parametrize(
    ("instance", "token", "after"),
    [(HERE, "wrong", 0.0), (HERE, "", 60.0), (msgspec.convert(("x/y", "default", "a1"), Instance), "", 0.0)],
)
def test_a_session_of_another_time_place_or_token_is_none(instance: Instance, token: str, after: float) -> None:
    kept = Sessions()
    given = kept.grant(HERE, "s1", GRANT, NOON)
    with pytest.raises(InvalidParameterException, match="Execute the command again"):
        kept.redeem(instance, Redemption(session="s1", token=token or given), NOON + after)


def test_a_token_is_good_for_one_session_once() -> None:
    kept = Sessions()
    token = kept.grant(HERE, "s1", GRANT, NOON)
    other = kept.grant(HERE, "s2", GRANT, NOON)
    assert token != other
    assert kept.redeem(HERE, Redemption(session="s1", token=token), NOON) == GRANT
    for session in ("s1", "s2", "s3"):
        with pytest.raises(InvalidParameterException):
            kept.redeem(HERE, Redemption(session=session, token=token), NOON)


def test_sessions_nobody_comes_for_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "WAITING_MAX", 3)
    kept = Sessions()
    tokens = [kept.grant(HERE, f"s{number}", GRANT, NOON) for number in range(5)]
    assert len(kept._waiting) == 3
    assert kept.redeem(HERE, Redemption(session="s4", token=tokens[4]), NOON) == GRANT
