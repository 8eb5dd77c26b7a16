"""`ls` and `describe` of each noun, and what can be done with instances and tasks."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.engine.cli.test_call import call
from tests.engine.cli.test_completion import completed
from tests.engine.up_process import QUARTERDECK, UpProcess, command, environment, until_now

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]

CONTAINER = {"name": "web", "image": "registry/web:1", "memory": 16, "portMappings": [{"containerPort": 80}]}


@pytest.fixture(scope="module")
def up(shared_up: UpProcess) -> UpProcess:
    """The one of these modules together."""
    return shared_up


@pytest.fixture(scope="module", autouse=True)
def service(up: UpProcess) -> None:
    """A service with two tasks, in the default cluster."""
    call(up, "RegisterTaskDefinition", {"family": "web", "containerDefinitions": [CONTAINER]})
    call(up, "CreateService", {"serviceName": "web", "taskDefinition": "web", "desiredCount": 2})
    until_now(lambda: one(up, "service", "web")["runningCount"] == 2)


def said(up: UpProcess, *arguments: str) -> str:
    ran = command(*arguments, "--data", str(up.data))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def shown(up: UpProcess, *arguments: str) -> Any:
    return json.loads(said(up, *arguments, "-o", "json"))


def one(up: UpProcess, noun: str, name: str) -> Any:
    return shown(up, noun, "describe", name)


def refused(up: UpProcess, *arguments: str) -> str:
    ran = command(*arguments, "--data", str(up.data))
    assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr
    return ran.stderr.strip()


def ids(up: UpProcess, noun: str, member: str, *options: str) -> list[str]:
    return [each[member].rpartition("/")[2] for each in shown(up, noun, "ls", *options)]


@pytest.mark.parametrize(
    ("noun", "title", "holds"),
    [
        ("cluster", "CLUSTER", "default"),
        ("instance", "INSTANCE", "ACTIVE"),
        ("task-definition", "TASK DEFINITION", "web:1"),
        ("service", "SERVICE", "web"),
        ("task", "TASK", "service:web"),
    ],
)
def test_a_list_is_a_table_a_wide_one_or_json(up: UpProcess, noun: str, title: str, holds: str) -> None:
    narrow, wide = said(up, noun, "ls"), said(up, noun, "ls", "-o", "wide")
    assert narrow.splitlines()[0].startswith(title)
    assert holds in narrow
    assert len(wide.splitlines()[0]) > len(narrow.splitlines()[0])
    assert isinstance(shown(up, noun, "ls"), list)


@pytest.mark.parametrize(
    ("noun", "name", "member", "holds"),
    [
        ("cluster", "default", "clusterName", "Statistics"),
        ("task-definition", "web", "family", "Containers"),
        ("task-definition", "web:1", "family", "*->80"),
        ("service", "web", "serviceName", "Deployments"),
    ],
)
def test_one_is_described_in_full(up: UpProcess, noun: str, name: str, member: str, holds: str) -> None:
    assert holds in said(up, noun, "describe", name)
    assert one(up, noun, name)[member] == name.partition(":")[0]


@pytest.mark.parametrize(("noun", "member"), [("task", "taskArn"), ("instance", "containerInstanceArn")])
def test_what_has_an_id_is_named_by_its_first_digits_all_of_them_or_its_arn(
    up: UpProcess, noun: str, member: str
) -> None:
    arn = shown(up, noun, "ls")[0][member]
    full = arn.rpartition("/")[2]
    assert full in said(up, noun, "describe", full[:12])
    assert [one(up, noun, name)[member] for name in (full[:12], full, arn)] == [arn] * 3
    assert full[:8] in said(up, noun, "ls")
    assert full not in said(up, noun, "ls")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["cluster", "describe", "defalt"], "no cluster defalt. Did you mean default? `quarterdeck cluster ls` shows"),
        (["service", "describe", "webb"], "no service webb in cluster default. Did you mean web? `quarterdeck service"),
        (["task-definition", "describe", "webb"], "no task definition webb. Did you mean web:1? `quarterdeck task-def"),
        (["task", "describe", "zz"], "There is no task zz in cluster default. `quarterdeck task ls` shows"),
        (["task", "describe", "0" * 32], "There is no task 0000"),
        (["instance", "describe", "zz"], "There is no container instance zz in cluster default. `quarterdeck instance"),
        (["instance", "drain", "zz"], "There is no container instance zz"),
        (["instance", "activate", "zz"], "There is no container instance zz"),
        (["instance", "deregister", "zz"], "There is no container instance zz"),
        (["stop", "zz"], "There is no task zz"),
        (
            ["service", "ls", "--cluster", "none"],
            "ClusterNotFoundException: Cluster not found (cluster none). `quarter",
        ),
        (["task", "describe", "zz", "--cluster", "none"], "ClusterNotFoundException: Cluster not found (cluster none)"),
    ],
)
def test_a_wrong_name_is_refused_with_the_way_out(up: UpProcess, arguments: list[str], says: str) -> None:
    assert says in refused(up, *arguments)


def test_a_name_that_can_not_be_a_cluster_s_is_wrong_usage(up: UpProcess) -> None:
    assert command("service", "ls", "--cluster", "a b", "--data", str(up.data)).returncode == 2


def test_lists_fetch_every_page(up: UpProcess) -> None:
    names = {f"page-{number}" for number in range(101)}
    for name in names:
        call(up, "CreateCluster", {"clusterName": name})
    assert names < {each["clusterName"] for each in shown(up, "cluster", "ls")}


def test_tasks_are_listed_by_what_they_belong_to(up: UpProcess) -> None:
    assert len(ids(up, "task", "taskArn", "--service", "web")) == 2
    assert ids(up, "task", "taskArn", "--started-by", "nobody") == []
    assert said(up, "task", "ls", "--family", "none").startswith("TASK ")


def test_a_stopped_task_says_why_and_is_still_found(up: UpProcess) -> None:
    (started,) = shown(up, "run", "web", "--started-by", "me", "--group", "jobs")
    ident = started["taskArn"].rpartition("/")[2]
    assert (started["startedBy"], started["group"]) == ("me", "jobs")
    until_now(lambda: one(up, "task", ident)["lastStatus"] == "RUNNING")
    assert ident[:8] in said(up, "stop", ident[:12], "--reason", "no longer needed")
    until_now(lambda: one(up, "task", ident[:12])["lastStatus"] == "STOPPED")
    assert "no longer needed" in said(up, "task", "ls", "--stopped", "-o", "wide")


def test_run_waits_until_all_have_stopped_and_fails_as_they_do(up: UpProcess) -> None:
    late = command("run", "web", "--wait", "--timeout", "0.1", "--started-by", "late", "--data", str(up.data))
    assert late.returncode == 1
    assert "Not all have stopped in time; they go on." in late.stderr

    call(
        up, "RegisterTaskDefinition", {"family": "gone", "containerDefinitions": [{**CONTAINER, "image": "missing-x"}]}
    )
    gone = command("run", "gone", "--wait", "--timeout", "20", "-o", "json", "--data", str(up.data))
    assert gone.returncode == 1
    assert [each["lastStatus"] for each in json.loads(gone.stdout)] == ["STOPPED"]
    assert "web has no exit code (CannotPullContainerError" in gone.stderr


def test_run_says_what_there_was_no_room_for(up: UpProcess) -> None:
    call(up, "RegisterTaskDefinition", {"family": "big", "containerDefinitions": [{**CONTAINER, "memory": 9_999_999}]})
    ran = command("run", "big", "--count", "2", "-o", "json", "--data", str(up.data))
    assert (ran.returncode, json.loads(ran.stdout)) == (1, [])
    assert "0 of 2 tasks of big found a place: RESOURCE:MEMORY. `quarterdeck instance ls`" in ran.stderr
    assert "TaskDefinition not found" in refused(up, "run", "nothing")


def test_run_asks_for_more_than_ten_in_parts(up: UpProcess) -> None:
    assert len(shown(up, "run", "web", "--count", "12", "--started-by", "many")) == 12
    assert len(ids(up, "task", "taskArn", "--started-by", "many")) == 12


def test_an_instance_is_drained_activated_and_deregistered(up: UpProcess) -> None:
    name = ids(up, "instance", "containerInstanceArn")[0]
    assert "DRAINING" in said(up, "instance", "drain", name[:12])
    assert ids(up, "instance", "containerInstanceArn", "--status", "DRAINING") == [name]
    assert shown(up, "instance", "activate", name)[0]["status"] == "ACTIVE"
    shown(up, "run", "web", "--count", "8")
    assert "--force" not in said(up, "instance", "ls")
    busy = next(each for each in shown(up, "instance", "ls") if each["runningTasksCount"] + each["pendingTasksCount"])
    assert "running tasks" in refused(up, "instance", "deregister", busy["containerInstanceArn"])
    assert shown(up, "instance", "deregister", name, "--force")[0]["status"] == "INACTIVE"


def test_a_watched_list_is_shown_again_when_it_changes_until_ctrl_c(up: UpProcess) -> None:
    arguments = ["service", "ls", "--watch", "--interval", "0.1", "-o", "json", "--data", str(up.data)]
    with subprocess.Popen(
        [*QUARTERDECK, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        first = json.loads(watching.stdout.readline())
        call(up, "CreateService", {"serviceName": "seen", "taskDefinition": "web", "desiredCount": 0})
        names = [each["serviceName"] for each in first]
        while "seen" not in names:
            names = [each["serviceName"] for each in json.loads(watching.stdout.readline())]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130
        assert watching.stderr.read() == ""


def test_on_a_terminal_a_watched_list_is_drawn_in_place(up: UpProcess) -> None:
    ours, theirs = pty.openpty()
    arguments = ["task-definition", "ls", "--watch", "--interval", "0.1", "--data", str(up.data)]
    env = {**environment(), "TERM": "xterm", "COLUMNS": "60"}
    with subprocess.Popen([*QUARTERDECK, *arguments], stdout=theirs, stderr=theirs, env=env) as watching:
        os.close(theirs)
        drawn = b""
        while drawn.count(b"TASK DEFINITION") < 2:
            drawn += os.read(ours, 65536)
        watching.send_signal(signal.SIGINT)
        with suppress(OSError):
            while part := os.read(ours, 65536):
                drawn += part
        os.close(ours)
    assert watching.returncode == 130
    assert b"\x1b[1A" in drawn
    assert b"registry/web:1" in drawn, "an image is not cut down to its last part"
    assert b"Traceback" not in drawn


def test_a_shell_completes_live_names(up: UpProcess) -> None:
    where = ("--data", str(up.data))
    call(up, "CreateCluster", {"clusterName": "harbour"})
    call(up, "CreateService", {"cluster": "harbour", "serviceName": "boat", "taskDefinition": "web", "desiredCount": 0})
    task = ids(up, "task", "taskArn", "--service", "web")[0]
    assert completed("service", "ls", *where, "--cluster", "h") == ["harbour"]
    assert completed("scale", *where, "w") == ["web"]
    assert completed("scale", *where, "--cluster", "harbour", "") == ["boat"]
    assert completed("stop", *where, task[:12]) == [task]
    assert completed("deploy", *where, "web", "--task-definition", "we") == ["web:1"]
    assert set(ids(up, "instance", "containerInstanceArn")) == set(completed("instance", "drain", *where, ""))


def test_what_tasks_use_is_shown_by_container(up: UpProcess) -> None:
    """Simulated containers use nothing, but they are told of."""
    until_now(lambda: len(shown(up, "task", "stats", "--service", "web")) == 2)
    lines = said(up, "task", "stats").splitlines()
    assert lines[0].split()[:4] == ["TASK", "CONTAINER", "GROUP", "CPU"]
    assert [line for line in lines if "service:web" in line]
    name = ids(up, "task", "taskArn", "--service", "web")[0]
    assert [each["task"] for each in shown(up, "task", "stats", name[:12])] == [name]
    assert shown(up, "task", "stats", "--service", "nobody") == []


def test_secrets_are_stored_listed_and_deleted_but_never_shown(up: UpProcess) -> None:
    where = ("--data", str(up.data))
    stored = subprocess.run(
        [*QUARTERDECK, "secret", "put", "prod/db", *where],
        input="cheese\n",
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    assert stored.stdout == "prod/db version 1\n"
    assert [(each["name"], each["version"]) for each in shown(up, "secret", "ls")] == [("prod/db", 1)]
    assert "cheese" not in said(up, "secret", "ls", "-o", "wide") + said(up, "events", "-o", "json")
    assert said(up, "secret", "rm", "prod/db") == ""
    assert refused(up, "secret", "rm", "prod/db").startswith("Error: ResourceNotFoundException: There is no secret")


def test_an_agent_drains_its_own_instance_and_waits_for_its_tasks(make_up: Callable[..., UpProcess]) -> None:
    up = make_up("--runtime", "simulated", "--instances", "2")
    up.start()
    call(up, "RegisterTaskDefinition", {"family": "web", "containerDefinitions": [CONTAINER]})
    call(up, "CreateService", {"serviceName": "web", "taskDefinition": "web", "desiredCount": 2})
    until_now(lambda: one(up, "service", "web")["runningCount"] == 2)
    agents = up.data / "agents"
    instance = json.loads((agents / "a-1" / "agent.json").read_text())["containerInstanceArn"].rpartition("/")[2]
    nats = json.loads((up.data / "up.json").read_text())
    where = ("--nats", nats["nats"], "--creds", nats["nats_creds"])
    drain = ("agent", "drain", "--data", str(agents / "a-1"), "--timeout", "60", *where)
    drained = command(*drain)
    assert drained.returncode == 0, drained.stderr
    lines = drained.stdout.splitlines()
    assert lines[0] == f"{instance} of cluster default is DRAINING"
    assert lines[-1] == "0 tasks left"
    assert one(up, "instance", instance)["status"] == "DRAINING"
    call(up, "DeregisterContainerInstance", {"containerInstance": instance})
    gone = command(*drain)
    assert (gone.returncode, f"{instance} of cluster default can't be drained: INACTIVE" in gone.stderr) == (1, True)
    wrong = command("agent", "drain", "--data", str(agents), *where)
    assert (wrong.returncode, "is no agent's data directory" in wrong.stderr) == (1, True)
