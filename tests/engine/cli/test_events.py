"""`events` tells the log's story: what happened, why, and what followed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.engine.cli.test_call import call
from tests.engine.up_process import QUARTERDECK, UpProcess, command, environment, until_now

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def stopped(up: UpProcess) -> str:
    """A service's task that was stopped, and replaced; its id."""
    container = {"name": "web", "image": "web", "memory": 16}
    call(up, "RegisterTaskDefinition", {"family": "web", "containerDefinitions": [container]})
    call(up, "CreateService", {"serviceName": "web", "taskDefinition": "web", "desiredCount": 2})
    until_now(lambda: running(up) == 2)
    task = str(call(up, "ListTasks", {"serviceName": "web"})["taskArns"][0])
    call(up, "StopTask", {"task": task, "reason": "to see what follows"})
    until_now(lambda: len(json_lines(up, "--type", "TaskStarted", "--noun", "task")) == 3)
    return task.rpartition("/")[2]


def running(up: UpProcess) -> int:
    services = call(up, "DescribeServices", {"services": ["web"]})["services"]
    return int(services[0]["runningCount"])


def lines(up: UpProcess, *options: str) -> list[str]:
    ran = command("events", "--data", str(up.data), *options)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def json_lines(up: UpProcess, *options: str) -> list[Any]:
    return [json.loads(line) for line in lines(up, "-o", "json", *options)]


def test_each_line_says_when_where_who_what_and_why(up: UpProcess, stopped: str) -> None:
    (line,) = lines(up, "--type", "TaskStopRequested", "--id", stopped)
    time, sequence, actor, kind, noun, ident, *why = line.split()
    assert time.endswith("Z")
    assert int(sequence) > 0
    assert (actor, kind, noun, ident) == ("root", "TaskStopRequested", "task", stopped[:8])
    assert " ".join(why) == "UserInitiated: to see what follows"


def test_a_stopped_task_tells_why_when_and_what_followed(up: UpProcess, stopped: str) -> None:
    (requested,) = json_lines(up, "--type", "TaskStopRequested")
    (line,) = json_lines(up, "--type", "TaskStopped")
    assert line["id"] == stopped
    assert line["why"] == "UserInitiated: to see what follows"
    assert line["actor"].startswith("agent/")
    assert line["sequence"] > requested["sequence"]
    assert line["at"] >= requested["at"]
    followed = [each["type"] for each in requested["followed"] + line["followed"]]
    assert followed[:2] == ["TaskRequested", "TaskPlaced"], "the replacement"


def test_the_life_of_one_thing_can_be_picked(up: UpProcess, stopped: str) -> None:
    kinds = [line["type"] for line in json_lines(up, "--id", stopped)]
    assert kinds == ["TaskRequested", "TaskPlaced", "TaskStarted", "TaskStopRequested", "TaskStopped"]
    arn = f"arn:aws:ecs:us-east-1:000000000000:task/default/{stopped}"
    assert [line["type"] for line in json_lines(up, "--id", arn)] == kinds
    assert {line["noun"] for line in json_lines(up, "--noun", "service")} == {"service"}
    assert json_lines(up, "--cluster", "nowhere") == []


def test_only_the_last_ones_or_those_since_a_time(up: UpProcess, stopped: str) -> None:
    everything = lines(up)
    assert lines(up, "--limit", "3") == everything[-3:]
    assert lines(up, "--since", "1d") == everything
    assert lines(up, "--since", "2999-01-01") == []


def test_it_follows_the_log(up: UpProcess, stopped: str) -> None:
    arguments = ("events", "-f", "--type", "ClusterCreated", "--data", str(up.data))
    with subprocess.Popen([*QUARTERDECK, *arguments], stdout=subprocess.PIPE, text=True, env=environment()) as follower:
        assert follower.stdout is not None
        told: Iterator[str] = iter(follower.stdout)
        assert "cluster default" in next(told)
        call(up, "CreateCluster", {"clusterName": "followed"})
        assert "cluster followed" in next(told)
        follower.terminate()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--type", "TaskExploded"], "There is no event TaskExploded. There are AccountSettingDeleted"),
        (["--since", "yesterday"], "--since: 'yesterday' is neither a duration"),
        (["--noun", "pod"], "'pod' is not one of"),
        (["--limit", "0"], "0 is not in the range"),
    ],
)
def test_wrong_usage_says_what_there_is(up: UpProcess, options: list[str], says: str) -> None:
    ran = command("events", "--data", str(up.data), *options)
    assert ran.returncode == 2
    assert says in ran.stderr


def test_an_operator_may_not_read_the_log_and_is_told_so(up: UpProcess) -> None:
    operator = str(up.running.nats_creds)
    ran = command("events", "--nats", up.running.nats, "--creds", operator)
    assert ran.returncode == 3
    assert "credentials that may read the stream" in ran.stderr


def test_a_placement_is_explained_and_agrees_with_the_log(up: UpProcess, stopped: str) -> None:
    ran = command("explain", stopped[:12], "-o", "json", "--data", str(up.data))
    (found,) = json.loads(ran.stdout)["decisions"]
    assert (ran.returncode, found["agrees"]) == (0, True)
    assert found["task"] == stopped
    assert [each["containerInstanceArn"] for each in found["verdicts"] if each.get("chosen")] == [
        found["containerInstanceArn"]
    ]
    assert len(found["verdicts"]) == 4
    shown = command("explain", stopped, "--data", str(up.data)).stdout
    assert f"Task {stopped} of service:web, web:1" in shown
    assert "->" in shown
    assert "fits" in shown


def test_a_task_that_never_was_can_not_be_explained(up: UpProcess) -> None:
    ran = command("explain", "nothing", "--data", str(up.data))
    assert ran.returncode == 1
    assert "No task nothing was ever placed." in ran.stderr


def test_status_shows_clusters_instances_and_services(up: UpProcess, stopped: str) -> None:
    shown = command("status", "--data", str(up.data)).stdout
    assert "epoch 1" in shown
    assert "cluster default  ACTIVE" in shown
    assert shown.count("TRUE") == 4
    found = json.loads(command("status", "-o", "json", "--data", str(up.data)).stdout)
    default = next(each for each in found["clusters"] if each["name"] == "default")
    assert [each["zone"] for each in default["instances"]] == ["us-east-1a", "us-east-1a", "us-east-1b", "us-east-1b"]
    assert [(each["name"], each["desired"]) for each in default["services"]] == [("web", 2)]


def test_env_points_clients_here(up: UpProcess) -> None:
    ran = command("env", "--data", str(up.data))
    exports = dict(line.removeprefix("export ").split("=", 1) for line in ran.stdout.splitlines())
    assert exports == {
        "AWS_ENDPOINT_URL_ECS": up.running.http,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",  # what boto3 and version 1 of aws-cli read
        "AWS_ACCESS_KEY_ID": exports["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": exports["AWS_SECRET_ACCESS_KEY"],
        "NATS_URL": up.running.nats,
        "NATS_CREDS": up.running.nats_creds,
    }
