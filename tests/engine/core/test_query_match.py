"""Query match: what an expression says of an instance (spec §8.3)."""

from __future__ import annotations

import msgspec
import pytest

from quarterdeck.engine.core.query_match import matcher
from quarterdeck.engine.core.query_values import moment, version

HELD = {"stack": "prod", "gpu": "", "size": "9", "ecs.instance-type": "g2.2xlarge"}


class Facts(msgspec.Struct, frozen=True):
    zone: str = "us-east-1a"
    attributes: dict[str, str] = msgspec.field(default_factory=HELD.copy)
    connected: bool = True
    agent_version: str = "1.14.5"
    ec2_instance_id: str = "i-1"
    registered_at: float = 1_529_360_908.25
    running: int = 3
    groups: tuple[str, ...] = ("service:web", "database")


BARE = Facts(attributes={}, agent_version="", ec2_instance_id="", groups=(), running=0)


@pytest.mark.parametrize(
    "text",
    [
        "attribute:stack == prod",
        "attribute:stack != test",
        "attribute:stack in [test, prod]",
        "attribute:stack !in [test]",
        "attribute:stack =~ pr.*",
        "attribute:stack !~ te.*",
        "attribute:gpu exists",
        "attribute:tpu !exists",
        "attribute:ecs.availability-zone == us-east-1a",
        "attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d",
        "attribute:size < 10",
        "attribute:size >= 9.0",
        "attribute:stack > pass",
        "agentConnected == true",
        "agentConnected in [true]",
        "agentVersion < 1.15",
        "agentVersion > 1.9",
        "agentVersion == 1.14.5.0",
        "agentVersion >= v1.14.5",
        "ec2InstanceId =~ i-.*",
        "registeredAt == 2018-06-18T22:28:28Z",
        "registeredAt == 2018-06-19T00:28:28+02:00",
        "registeredAt < 2018-06-19",
        "registeredAt > '2018-06-18 22:28:27'",
        "runningTasksCount == 3",
        "runningTasksCount > 2",
        "task:group == service:web",
        "task:group != service:api",
        "task:group in [a, database]",
        "task:group !in [a, b]",
        "task:group =~ service:.*",
        "task:group !~ cron.*",
        "not (task:group == cron)",
        "attribute:stack == test or attribute:gpu exists",
        "!(attribute:stack == test) && !attribute:tpu exists",
    ],
)
def test_what_is_so_is_so_and_its_opposite_is_not(text: str) -> None:
    assert matcher(text)(Facts())
    assert not matcher(f"not ({text})")(Facts())


@pytest.mark.parametrize(
    "text",
    [
        "attribute:stack == prod",
        "attribute:stack != prod",
        "attribute:stack !in [prod]",
        "attribute:stack !~ prod",
        "attribute:stack < prod",
        "attribute:stack exists",
        "agentVersion < 2",
        "agentVersion != 2",
        "ec2InstanceId != i-2",
        "task:group == web",
        "runningTasksCount > 0",
    ],
)
def test_what_an_instance_does_not_have_makes_everything_false(text: str) -> None:
    assert not matcher(text)(BARE)


@pytest.mark.parametrize("text", ["attribute:stack !exists", "task:group != web", "task:group !in [web]"])
def test_but_what_asks_for_nothing(text: str) -> None:
    assert matcher(text)(BARE)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01", 0.0),
        ("1970-01-01T00:00:01Z", 1.0),
        ("2000-02-29", 951_782_400.0),
        ("2000-03-01T00:00:00", 951_868_800.0),
        ("2018-06-18T22:28:28+00:00", 1_529_360_908.0),
        ("2018-06-18T22:28:28-0130", 1_529_366_308.0),
        ("1969-12-31", -86_400.0),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, seconds: float) -> None:
    assert moment(text) == seconds


@pytest.mark.parametrize("text", ["", "2018", "2018-13-01", "2018-02-29", "2018-06-18T25:00:00Z", "18-06-2018"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert moment(text) is None


def test_versions_compare_by_number() -> None:
    assert (version("1.9") or ()) < (version("1.14") or ())
    assert version("1.0.0") == version("1")
    assert version("1.x") is None
