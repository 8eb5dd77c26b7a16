"""`quarterdeck logs`: of tasks and services, running and gone, for people and programs, to the end or on and on."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from quarterdeck.engine.cli import logs
from quarterdeck.engine.task_logs import Line
from tests.engine.cli.test_call import call
from tests.engine.cli.test_completion import completed
from tests.engine.up_process import QUARTERDECK, UpProcess, command, environment, until_now

pytestmark = [pytest.mark.nats, pytest.mark.timeout(120)]

TALKS = "echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; : > begun; while [ -e begun ]; do sleep 0.1; done"


@pytest.fixture(scope="module")
def up(process_up: UpProcess) -> UpProcess:
    return process_up


@pytest.fixture(scope="module")
def task(up: UpProcess) -> Iterator[str]:
    """A task that has written three lines."""
    yield from running(up, "talks", TALKS)


def running(up: UpProcess, family: str, script: str, **members: Any) -> Iterator[str]:
    container = {"name": "web", "image": "x", "memory": 16, "command": ["sh", "-c", script], **members}
    call(up, "RegisterTaskDefinition", {"family": family, "containerDefinitions": [container]})
    (made,) = call(up, "RunTask", {"taskDefinition": family, "enableExecuteCommand": True})["tasks"]
    arn = made["taskArn"]
    until_now(lambda: call(up, "DescribeTasks", {"tasks": [arn]})["tasks"][0]["lastStatus"] == "RUNNING")
    yield arn.rpartition("/")[2]
    call(up, "StopTask", {"task": arn})
    until_now(lambda: call(up, "DescribeTasks", {"tasks": [arn]})["tasks"][0]["lastStatus"] == "STOPPED")


def said(up: UpProcess, *arguments: str) -> str:
    ran = command("logs", *arguments, "--data", str(up.data))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_task_s_lines_are_printed_as_they_are(up: UpProcess, task: str) -> None:
    until_now(lambda: said(up, task) == "one\ntwo\nthree\n")
    assert said(up, task[:10], "--tail", "1") == "three\n"
    assert said(up, task, "--stream", "stderr", "--since", "1h") == "two\n"


def test_programs_get_json_and_people_times(up: UpProcess, task: str) -> None:
    lines = [json.loads(line) for line in said(up, task, "-o", "json").splitlines()]
    assert [(line["task"], line["container"], line["stream"], line["text"]) for line in lines] == [
        (task, "web", "stdout", "one"),
        (task, "web", "stderr", "two"),
        (task, "web", "stdout", "three"),
    ]
    assert said(up, task, "-t", "--tail", "1") == f"{lines[2]['at']} three\n"
    assert said(up, task, "--since", lines[2]["at"], "--until", "2200-01-01").endswith("three\n")


def line(text: str, *, at: int = 1_999_999_999, container: str = "web", whole: bool = True) -> Line:
    return Line(at, "a" * 32, container, "stdout", text.encode() + (b"\n" if whole else b""), whole)


def test_the_parts_of_a_long_line_are_put_together_unless_another_comes_between() -> None:
    write = logs._text(several=True, timestamps=False)
    said = [line("one ", whole=False), line("two"), line("three ", whole=False), line("other", container="side")]
    assert b"".join(write(each) for each in [*said, line("four")]).decode().splitlines() == [
        "aaaaaaaa/web | one two",
        "aaaaaaaa/web | three ",
        "aaaaaaaa/side | other",
        "aaaaaaaa/web | four",
    ]


def test_times_are_exact_to_the_nanosecond() -> None:
    write = logs._text(several=False, timestamps=True)
    assert write(line("x")) == b"1970-01-01T00:00:01.999999999Z x\n"
    assert json.loads(logs._json(line("x", whole=False)))["partial"] is True


def follow(up: UpProcess, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*QUARTERDECK, "logs", *arguments, "-f", "--data", str(up.data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def test_a_service_is_followed_over_its_replacements_until_ctrl_c(up: UpProcess) -> None:
    container = {"name": "web", "image": "x", "memory": 16, "command": ["sh", "-c", "echo begun; sleep 1000"]}
    call(up, "RegisterTaskDefinition", {"family": "followed", "containerDefinitions": [container]})
    call(up, "CreateService", {"serviceName": "followed", "taskDefinition": "followed", "desiredCount": 1})
    following = follow(up, "followed")
    assert following.stdout is not None
    first = following.stdout.readline()
    assert first.endswith("/web | begun\n")
    (arn,) = call(up, "ListTasks", {"serviceName": "followed"})["taskArns"]
    assert first.startswith(arn.rpartition("/")[2][:8])
    call(up, "StopTask", {"task": arn})
    second = following.stdout.readline()
    assert second.endswith("/web | begun\n")
    assert second != first
    following.send_signal(signal.SIGINT)
    assert following.communicate(timeout=20) == ("", "")
    assert following.returncode == 130
    assert said(up, "followed").splitlines(keepends=True) == [first, second]
    call(up, "DeleteService", {"service": "followed", "force": True})
    until_now(lambda: call(up, "ListTasks", {"family": "followed"})["taskArns"] == [])


def test_a_follower_of_a_task_ends_with_it_and_a_stopped_task_can_still_be_read(up: UpProcess) -> None:
    tasks = running(up, "ends", "echo hello; trap 'echo bye; exit' TERM; while :; do sleep 0.05; done")
    task = next(tasks)
    following = follow(up, task)
    assert following.stdout is not None
    assert following.stdout.readline() == "hello\n"
    assert next(tasks, None) is None
    assert following.communicate(timeout=20) == ("bye\n", "")
    assert following.returncode == 0
    assert said(up, task) == "hello\nbye\n"


def test_who_reads_no_more_ends_it(up: UpProcess, task: str) -> None:
    following = follow(up, task)
    assert following.stdout is not None
    assert following.stdout.readline() == "one\n"
    following.stdout.close()
    following.send_signal(signal.SIGINT)
    assert following.wait(20) == 130
    assert following.stderr is not None
    assert following.stderr.read() == ""
    following.stderr.close()


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["nothing"], 1, "There is no task nothing in cluster default."),
        (["nothing", "--cluster", "nowhere"], 1, "ClusterNotFoundException"),
        (["{task}", "--container", "db"], 1, "The container db was not found in the task: it has web."),
        (["{task}", "--since", "soon"], 2, "--since: 'soon' is neither a duration"),
    ],
)
def test_what_can_not_be_read_is_named(up: UpProcess, task: str, arguments: list[str], code: int, text: str) -> None:
    given = [each.format(task=task) for each in arguments]
    ran = command("logs", *given, "--data", str(up.data))
    assert ran.returncode == code
    assert text in ran.stderr


def test_names_of_services_and_tasks_are_completed(up: UpProcess, task: str) -> None:
    assert completed("logs", "--data", str(up.data), task[:6]) == [task]
