"""Dry run at the command line: what is told of a task becomes the request, and what can't be told is wrong usage."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from quarterdeck.engine.cli import main
from quarterdeck.engine.cli.dry_run import taken

NOTHING: dict[str, object] = {"group": None, "constraints": (), "strategies": (), "overrides": None, "subnets": ()}


def test_what_is_not_told_is_not_asked() -> None:
    given = {**NOTHING, "region": "eu-west-1"}
    assert taken(given) == {}
    assert given == {"region": "eu-west-1"}


def test_what_is_told_is_asked_as_run_task_would_be() -> None:
    told = {
        "group": "batch",
        "constraints": ("distinctInstance", "attribute:rack == a"),
        "strategies": ("spread=attribute:rack", "binpack=memory", "random"),
        "overrides": '{"cpu": "64"}',
        "subnets": ("subnet-1", "subnet-2"),
    }
    assert taken(told) == {
        "group": "batch",
        "placement_constraints": [
            {"type": "distinctInstance"},
            {"type": "memberOf", "expression": "attribute:rack == a"},
        ],
        "placement_strategy": [
            {"type": "spread", "field": "attribute:rack"},
            {"type": "binpack", "field": "memory"},
            {"type": "random"},
        ],
        "overrides": {"cpu": "64"},
        "network_configuration": {"awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"]}},
    }


@pytest.mark.parametrize("overrides", ["{", "[]", '"x"', ""])
def test_overrides_that_are_no_object_are_wrong_usage(overrides: str) -> None:
    with pytest.raises(click.UsageError, match="--overrides is"):
        taken({**NOTHING, "overrides": overrides})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["1", "--group", "g"], "only a --dry-run can be told"),
        (["service", "web", "--strategy", "random"], "only a --dry-run can be told"),
        (["service"], "Say what to explain"),
        (["task", "--dry-run", "job"], "--dry-run is about a task definition"),
    ],
)
def test_a_decision_of_the_past_can_not_be_told_anything(arguments: list[str], says: str) -> None:
    ran = CliRunner().invoke(main, ["explain", *arguments])
    assert ran.exit_code == 2
    assert says in ran.output
