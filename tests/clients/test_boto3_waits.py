"""boto3 through a service's and a task's life, with its own waiters and paginators; only their patience is set."""

from __future__ import annotations

from typing import Any

import pytest

SOON = {"Delay": 1, "MaxAttempts": 40}
SLEEPER = {"name": "app", "image": "busybox", "memory": 16, "command": ["sleep", "600"]}
SHORT = {**SLEEPER, "command": ["sh", "-c", "exit 3"]}

pytestmark = [pytest.mark.nats, pytest.mark.slow]


def wait(ecs: Any, name: str, **arguments: Any) -> None:
    ecs.get_waiter(name).wait(**arguments, WaiterConfig=SOON)


def tasks_of(ecs: Any, service: str) -> set[str]:
    pages = ecs.get_paginator("list_tasks").paginate(serviceName=service, PaginationConfig={"PageSize": 3})
    lists = [page["taskArns"] for page in pages]
    assert [len(arns) for arns in lists[:-1]] == [3] * (len(lists) - 1)
    return {arn for arns in lists for arn in arns}


def test_a_service_lives_and_ends(ecs: Any) -> None:
    assert ecs.create_cluster()["cluster"]["status"] == "ACTIVE"
    registered = ecs.register_task_definition(family="lives", containerDefinitions=[SLEEPER])["taskDefinition"]
    made = ecs.create_service(serviceName="lives", taskDefinition="lives", desiredCount=4)["service"]
    assert made["taskDefinition"] == registered["taskDefinitionArn"]
    named = {"services": ["lives"]}
    wait(ecs, "services_stable", **named)
    first = tasks_of(ecs, "lives")
    assert len(first) == 4

    rolled = ecs.update_service(service="lives", forceNewDeployment=True)["service"]
    assert [each["status"] for each in rolled["deployments"]] == ["PRIMARY", "ACTIVE"]
    wait(ecs, "services_stable", **named)
    second = tasks_of(ecs, "lives")
    assert len(second) == 4
    assert not first & second

    assert ecs.delete_service(service="lives", force=True)["service"]["status"] == "DRAINING"
    wait(ecs, "services_inactive", **named)
    wait(ecs, "tasks_stopped", tasks=sorted(first | second))
    (gone,) = ecs.describe_services(**named)["services"]
    assert (gone["status"], gone["runningCount"]) == ("INACTIVE", 0)


def test_a_task_runs_until_it_is_stopped(ecs: Any) -> None:
    ecs.register_task_definition(family="long", containerDefinitions=[SLEEPER])
    started = ecs.run_task(taskDefinition="long", count=2)
    assert started["failures"] == []
    arns = [task["taskArn"] for task in started["tasks"]]
    wait(ecs, "tasks_running", tasks=arns)
    for arn in arns:
        ecs.stop_task(task=arn, reason="enough")
    wait(ecs, "tasks_stopped", tasks=arns)
    described = ecs.describe_tasks(tasks=arns)["tasks"]
    assert {(task["stopCode"], task["stoppedReason"]) for task in described} == {("UserInitiated", "enough")}


def test_a_task_ends_by_itself(ecs: Any) -> None:
    ecs.register_task_definition(family="short", containerDefinitions=[SHORT])
    (task,) = ecs.run_task(taskDefinition="short")["tasks"]
    wait(ecs, "tasks_stopped", tasks=[task["taskArn"]])
    (ended,) = ecs.describe_tasks(tasks=[task["taskArn"]])["tasks"]
    assert (ended["stopCode"], ended["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert ended["containers"][0]["exitCode"] == 3
