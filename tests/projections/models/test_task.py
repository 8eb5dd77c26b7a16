"""DescribeTasks and ListTasks."""

from typing import Any

import pytest

from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import AgentConnected, AgentDisconnected
from quarterdeck.events.task import TaskStarted, TaskStopped, TaskStopRequested
from quarterdeck.projections.models.page import InvalidPage, Page
from quarterdeck.projections.models.task import STOPPED_KEPT_SECONDS
from quarterdeck.projections.models.task_document import requested_task
from tests.projections.models.examples import (
    FIRST,
    INSTANCE,
    IRELAND,
    PROD,
    START,
    TASK,
    WEB,
    Recorder,
    cluster_created,
    defined,
    placed,
    registered,
    requested,
    run,
    served,
    task_name,
)

OTHER = "f" * 32


def stop(name: str = TASK) -> TaskStopRequested:
    return TaskStopRequested(cluster=PROD, task=name, stop_code="ServiceSchedulerInitiated", reason="")


def stopped(name: str = TASK) -> TaskStopped:
    return TaskStopped(cluster=PROD, task=name, stop_code="EssentialContainerExited", reason="exited")


async def listed(prod: Recorder, now: float = START, **filters: Any) -> list[str]:
    page = await prod.models.tasks.list(IRELAND, PROD, Page(100), now=now, **filters)
    return [each.rpartition("/")[2] for each in page.items]


async def test_describe_tells_what_run_task_answered(prod: Recorder) -> None:
    at = await prod.record(*run())
    found = await prod.models.tasks.describe(IRELAND, PROD, [TASK, OTHER], ["TAGS"])
    assert found == {TASK: requested_task(IRELAND, at, requested(), placed(), WEB, architecture="x86_64")}


async def test_tags_are_told_only_when_asked_for(prod: Recorder) -> None:
    await prod.record(*run())
    found = await prod.models.tasks.describe(IRELAND, PROD, [TASK])
    assert found[TASK].tags == []


async def test_a_cluster_that_is_not_there_has_no_tasks(prod: Recorder) -> None:
    assert await prod.models.tasks.describe(IRELAND, "nowhere", [TASK]) == {}
    assert (await prod.models.tasks.list(IRELAND, "nowhere", Page(10), now=START)).items == []


async def test_a_task_placed_in_a_later_commit_is_the_same_task(prod: Recorder) -> None:
    await prod.record(requested())
    await prod.record(placed())
    found = await prod.models.tasks.describe(IRELAND, PROD, [TASK])
    assert (found[TASK].last_status, found[TASK].version) == ("PENDING", 2)
    assert await listed(prod, container_instance=INSTANCE) == [TASK]


async def test_a_task_whose_agent_is_away_is_disconnected(prod: Recorder) -> None:
    await prod.record(*run(), TaskStarted(cluster=PROD, task=TASK))
    await prod.record(AgentDisconnected(cluster=PROD, container_instance=INSTANCE))
    found = await prod.models.tasks.describe(IRELAND, PROD, [TASK])
    assert found[TASK].connectivity == "DISCONNECTED"
    await prod.record(AgentConnected(cluster=PROD, container_instance=INSTANCE))
    found = await prod.models.tasks.describe(IRELAND, PROD, [TASK])
    assert found[TASK].connectivity == "CONNECTED"


async def test_tasks_are_listed_in_order_of_creation_page_by_page(prod: Recorder) -> None:
    names = [task_name(number) for number in (5, 3, 9, 1, 7)]
    for name in names:
        await prod.record(*run(name))
    told, page = [], Page(2)
    while True:
        found = await prod.models.tasks.list(IRELAND, PROD, page, now=START)
        told.append([each.rpartition("/")[2] for each in found.items])
        if found.after is None:
            break
        page = Page(2, found.after)
    assert told == [names[:2], names[2:4], names[4:]]


async def test_a_place_no_page_ended_at_is_refused(prod: Recorder) -> None:
    with pytest.raises(InvalidPage):
        await prod.models.tasks.list(IRELAND, PROD, Page(2, "x"), now=START)


async def test_a_task_that_must_end_is_listed_as_stopped(prod: Recorder) -> None:
    await prod.record(*run(), *run(OTHER))
    await prod.record(stop())
    assert await listed(prod) == [OTHER]
    assert await listed(prod, desired_status="STOPPED") == [TASK]
    assert await listed(prod, desired_status="PENDING") == []


async def test_a_stopped_task_is_listed_for_an_hour(prod: Recorder) -> None:
    await prod.record(*run())
    at = await prod.record(stopped())
    assert await listed(prod, now=at + 3600, desired_status="STOPPED") == [TASK]
    assert await listed(prod, now=at + 3601, desired_status="STOPPED") == []
    assert await prod.models.tasks.describe(IRELAND, PROD, [TASK])


async def test_a_task_stopped_long_ago_is_let_go_and_reports_of_it_change_nothing(prod: Recorder) -> None:
    await prod.record(*run())
    at = await prod.record(stopped())
    await prod.record(*run(OTHER), at=at + STOPPED_KEPT_SECONDS + 1)
    assert list(await prod.models.tasks.describe(IRELAND, PROD, [TASK, OTHER])) == [OTHER]
    late: list[AnyEvent] = [placed(), TaskStarted(cluster=PROD, task=TASK), stop(), stopped()]
    await prod.record(*late, at=at + STOPPED_KEPT_SECONDS + 2)
    assert list(await prod.models.tasks.describe(IRELAND, PROD, [TASK, OTHER])) == [OTHER]


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({}, [0, 1, 2, 3]),
        ({"container_instance": INSTANCE}, [0, 1, 2]),
        ({"container_instance": OTHER}, [3]),
        ({"container_instance": "e" * 32}, []),
        ({"family": "job"}, [1]),
        ({"family": "jo"}, []),
        ({"service_name": "web"}, [2]),
        ({"service_name": "web", "family": "web"}, [2]),
        ({"service_name": "web", "family": "job"}, []),
        ({"service_name": "web", "container_instance": OTHER}, []),
        ({"service_name": "web", "started_by": FIRST}, [2]),
        ({"started_by": "me"}, [3]),
        ({"started_by": FIRST}, [2]),
        ({"started_by": "me", "family": "job"}, []),
        ({"launch_type": "EC2"}, [0, 1, 2, 3]),
        ({"launch_type": "FARGATE", "family": "web"}, []),
    ],
)
async def test_filters_are_all_met(prod: Recorder, filters: dict[str, Any], told: list[int]) -> None:
    names = [task_name(number) for number in range(4)]
    await prod.record(*registered(OTHER), defined("job", 1), *served())
    await prod.record(
        *run(names[0]),
        *(requested(names[1], definition="job:1"), placed(names[1])),
        *run(names[2], deployment=FIRST),
        *(requested(names[3], started_by="me"), placed(names[3], OTHER)),
    )
    assert await listed(prod, **filters) == [names[number] for number in told]


async def test_tasks_of_one_cluster_are_not_seen_from_another(prod: Recorder) -> None:
    await prod.record(cluster_created("test"), *run())
    assert (await prod.models.tasks.list(IRELAND, "test", Page(10), now=START)).items == []
