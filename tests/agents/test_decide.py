"""What a task needs next: given what is wanted and seen, when it is looked at, then these steps."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest

from quarterdeck.agents import decide, task
from quarterdeck.agents.labels import TASK_VOLUMES
from quarterdeck.agents.plan import Condition, ContainerPlan, Dependency, RestartPolicy, TaskPlan
from quarterdeck.agents.runtimes.health import HealthCheck
from quarterdeck.agents.runtimes.port import OUT_OF_MEMORY, Container, ContainerSpec, Ended, PortMapping
from quarterdeck.agents.settings import Timing
from quarterdeck.agents.task import Step, Task
from quarterdeck.events import shapes

NOW = 1000.0
TIMING = Timing()


def plan(name: str, *after: tuple[str, Condition], **fields: Any) -> ContainerPlan:
    spec = fields.pop("spec", ContainerSpec(name=f"ecs-{name}", image="image"))
    return ContainerPlan(name=name, spec=spec, after=tuple(Dependency(*each) for each in after), **fields)


def seen(name: str, state: Any, exit_code: int | None = None, *, since: float = 900.0, **fields: Any) -> Container:
    at = since if state != "created" else None
    end = 990.0 if state == "exited" else None
    return Container(f"id-{name}", f"ecs-{name}", {}, state, "image", None, exit_code, None, at, end, **fields)


def given(*plans: ContainerPlan, seen: dict[str, Container] | None = None, **fields: Any) -> Task:
    own = copy.deepcopy(fields)
    return Task(id="t", arn="arn", cluster="c", plan=TaskPlan(containers=plans), containers=dict(seen or {}), **own)


def steps(found: Task, now: float = NOW) -> list[str]:
    """What is done next, each step in a few words."""
    decide.judge(found, now)
    return [short(step) for step in decide.next_steps(found, now, TIMING)]


def short(step: Step) -> str:
    match step:
        case task.Start(container=container):
            return f"start {container.name}"
        case task.Restart(name=name):
            return f"restart {name}"
        case task.Stop(name=name, timeout_seconds=seconds):
            return f"stop {name} {seconds:g}"
        case task.Remove(name=name):
            return f"remove {name}"
        case task.Report(request=request):
            changes = [
                f"{each.container_name}={each.status}" + (f" {each.health_status}" if each.health_status else "")
                for each in request.containers or []
            ]
            return " ".join([f"report {request.status}", *changes])
        case task.Wait(until=until):
            return f"wait {until - NOW:g}"
        case task.Forget(volumes=volumes):
            return " ".join(["forget", *volumes])


CHECKED = ContainerSpec(name="ecs-a", image="image", health_check=HealthCheck(("CMD", "true")))
AGAIN = RestartPolicy(60.0, frozenset({0}))
UP = {"a": seen("a", "running")}
BOTH = {"a": seen("a", "running"), "b": seen("b", "running")}
PENDING_B = ["report PENDING b=RUNNING"]
STOPPED_A = ["report STOPPED a=STOPPED"]
OVER = {"a": seen("a", "exited", 3)}

STARTING: list[Any] = [
    ("nothing there yet", given(plan("a"), plan("b")), ["start a"]),
    ("the first is being started", given(plan("a"), plan("b"), busy={"a"}), []),
    ("the first runs", given(plan("a"), plan("b"), seen=UP), ["start b"]),
    ("a crash between create and start", given(plan("a"), seen={"a": seen("a", "created")}), ["start a"]),
    ("all run", given(plan("a"), seen=UP), ["report RUNNING a=RUNNING"]),
    (
        "only the essential ones decide",
        given(plan("a"), plan("b", essential=False), seen=UP),
        ["report RUNNING a=RUNNING b=PENDING", "start b"],
    ),
    ("it was told", given(plan("a"), seen=UP, told="RUNNING", told_containers={"a": "RUNNING"}), []),
    (
        "another one runs by now",
        given(plan("a"), plan("b", essential=False), seen=BOTH, told="RUNNING", told_containers={"a": "RUNNING"}),
        ["report RUNNING b=RUNNING"],
    ),
    (
        "one that is not essential is over",
        given(
            plan("a"),
            plan("b", essential=False),
            seen={**UP, "b": seen("b", "exited", 1)},
            told="RUNNING",
            told_containers={"a": "RUNNING", "b": "RUNNING"},
        ),
        ["report RUNNING b=STOPPED"],
    ),
]

ENDING: list[Any] = [
    ("an essential one is over", given(plan("a"), seen=OVER, told="RUNNING"), ["report STOPPED a=STOPPED"]),
    (
        "it was over before that was told",
        given(plan("a"), seen=OVER),
        ["report RUNNING", "report STOPPED a=STOPPED"],
    ),
    (
        "others still run",
        given(plan("a"), plan("b"), seen={**OVER, "b": seen("b", "running")}, told="RUNNING"),
        ["stop b 30"],
    ),
    (
        "one stops already",
        given(plan("a"), plan("b"), seen={**OVER, "b": seen("b", "running")}, told="RUNNING", busy={"b"}),
        [],
    ),
    ("it is to end", given(plan("a"), seen=UP, told="RUNNING", wish="STOPPED"), ["stop a 30"]),
    (
        "it is to end, and has its own time for that",
        given(plan("a", stop_timeout_seconds=7), seen=UP, told="RUNNING", wish="STOPPED"),
        ["stop a 7"],
    ),
    ("it is to end before it began", given(plan("a"), wish="STOPPED"), ["report STOPPED a=STOPPED"]),
    ("it is to end while it starts", given(plan("a"), wish="STOPPED", busy={"a"}), []),
    ("its definition is not known any more", given(seen=UP, wish="STOPPED"), ["stop a 30"]),
    ("likewise, at its end", given(seen=OVER, wish="STOPPED"), ["report STOPPED a=STOPPED"]),
    ("it can not start", given(plan("a"), failure="why"), ["report STOPPED a=STOPPED"]),
    ("it can not start, and a part of it runs", given(plan("a"), plan("b"), seen=UP, failure="why"), ["stop a 30"]),
]

CLEARING: list[Any] = [
    ("the report is on its way", given(plan("a"), seen=OVER, told="STOPPED"), []),
    ("the report was taken", given(plan("a"), seen=OVER, told="STOPPED", settled_at=NOW), ["wait 10"]),
    ("a while ago", given(plan("a"), seen=OVER, told="STOPPED", settled_at=NOW - 10), ["remove a"]),
    ("it is being removed", given(plan("a"), seen=OVER, told="STOPPED", settled_at=NOW - 10, busy={"a"}), []),
    ("nothing is left", given(told="STOPPED", settled_at=NOW, volumes={"v"}), ["forget v"]),
    ("it is not wanted", given(seen=UP, wish="UNWANTED"), ["stop a 30"]),
    ("it is not wanted and is over", given(seen=OVER, wish="UNWANTED"), ["remove a"]),
    (
        "it is not wanted and only just over",
        given(seen={"a": Container("i", "n", {}, "exited", "x", finished_at=NOW - 1)}, wish="UNWANTED"),
        ["wait 9"],
    ),
    ("it is not wanted and never ran", given(seen={"a": seen("a", "created")}, wish="UNWANTED"), ["remove a"]),
]

DEPENDENCIES: list[Any] = [
    ("START comes first", given(plan("a", ("b", "START")), plan("b")), ["start b"]),
    ("START is met by running", given(plan("a", ("b", "START")), plan("b"), seen={"b": BOTH["b"]}), ["start a"]),
    (
        "COMPLETE is not",
        given(plan("a", ("b", "COMPLETE")), plan("b", essential=False), seen={"b": BOTH["b"]}),
        PENDING_B,
    ),
    (
        "COMPLETE is met by any end",
        given(plan("a", ("b", "COMPLETE")), plan("b", essential=False), seen={"b": seen("b", "exited", 1)}),
        ["start a"],
    ),
    (
        "SUCCESS only by exit code 0",
        given(plan("a", ("b", "SUCCESS")), plan("b", essential=False), seen={"b": seen("b", "exited", 1)}),
        ["report STOPPED a=STOPPED b=STOPPED"],
    ),
    (
        "they have their time",
        given(
            plan("a", ("b", "COMPLETE")),
            plan("b", essential=False, start_timeout_seconds=120),
            seen={"b": BOTH["b"]},
        ),
        ["wait 20", *PENDING_B],
    ),
    (
        "and no more",
        given(
            plan("a", ("b", "COMPLETE")),
            plan("b", essential=False, start_timeout_seconds=100),
            seen={"b": BOTH["b"]},
        ),
        ["stop b 30"],
    ),
    (
        "a circle never starts",
        given(plan("a", ("b", "START")), plan("b", ("a", "START"))),
        ["report STOPPED a=STOPPED b=STOPPED"],
    ),
    (
        "HEALTHY is not met by running",
        given(plan("a", ("b", "HEALTHY")), plan("b"), seen={"b": seen("b", "running", health="UNKNOWN")}),
        PENDING_B,
    ),
    (
        "nor by UNHEALTHY, which may change",
        given(plan("a", ("b", "HEALTHY")), plan("b"), seen={"b": seen("b", "running", health="UNHEALTHY")}),
        PENDING_B,
    ),
    (
        "HEALTHY is met by health",
        given(plan("a", ("b", "HEALTHY")), plan("b"), seen={"b": seen("b", "running", health="HEALTHY")}),
        ["start a"],
    ),
    (
        "what ended can not become HEALTHY",
        given(plan("a", ("b", "HEALTHY")), plan("b", essential=False), seen={"b": seen("b", "exited", 0)}),
        ["report STOPPED a=STOPPED b=STOPPED"],
    ),
    (
        "unless it is started again",
        given(plan("a", ("b", "HEALTHY")), plan("b", restart=AGAIN), seen={"b": seen("b", "exited", 1)}),
        ["restart b"],
    ),
    (
        "a while after the first container is told, if others still wait",
        given(plan("a", ("b", "COMPLETE")), plan("b"), seen={"b": seen("b", "running", since=NOW - 9)}),
        ["wait 1"],
    ),
    (
        "and told once",
        given(plan("a", ("b", "COMPLETE")), plan("b"), seen={"b": BOTH["b"]}, told_containers={"b": "RUNNING"}),
        [],
    ),
    (
        "what others need is stopped last",
        given(plan("a", ("b", "START")), plan("b"), seen=BOTH, told="RUNNING", wish="STOPPED"),
        ["stop a 30"],
    ),
]


TOLD: dict[str, Any] = {"told": "RUNNING", "told_containers": {"a": "RUNNING"}}
RESTARTS: list[Any] = [
    ("an essential one comes back", given(plan("a", restart=AGAIN), seen=OVER, **TOLD), ["restart a"]),
    ("it is being started again", given(plan("a", restart=AGAIN), seen=OVER, busy={"a"}, **TOLD), []),
    (
        "it ran too short a time",
        given(plan("a", restart=AGAIN), seen={"a": seen("a", "exited", 3, since=931.0)}, **TOLD),
        ["report STOPPED a=STOPPED"],
    ),
    (
        "its exit code is ignored",
        given(plan("a", restart=AGAIN), seen={"a": seen("a", "exited", 0)}, **TOLD),
        ["report STOPPED a=STOPPED"],
    ),
    (
        "it could not be started again",
        given(plan("a", restart=AGAIN), seen=OVER, given_up={"a"}, **TOLD),
        ["report STOPPED a=STOPPED"],
    ),
    ("nobody saw it end", given(plan("a", restart=AGAIN), seen={"a": seen("a", "exited")}, **TOLD), STOPPED_A),
    ("the task is to end", given(plan("a", restart=AGAIN), seen=OVER, wish="STOPPED", **TOLD), STOPPED_A),
    (
        "the task ends for another reason",
        given(plan("a", restart=AGAIN), plan("b"), seen={**OVER, "b": seen("b", "exited", 0)}, **TOLD),
        ["report STOPPED a=STOPPED b=STOPPED"],
    ),
    (
        "it was started again",
        given(plan("a", restart=AGAIN), seen=UP, restarts={"a": 2}, told_restarts={"a": 1}, **TOLD),
        ["report RUNNING a=RUNNING"],
    ),
]

BOTH_TOLD: dict[str, Any] = {"told": "RUNNING", "told_containers": {"a": "RUNNING", "b": "RUNNING"}}
GONE: dict[str, Any] = {"exiting": {"id-a": 900.0}}
EXITING: list[Any] = [
    ("nothing runs in it any more", given(plan("a"), seen=UP, **GONE, **TOLD), ["report STOPPING"]),
    ("it was not told RUNNING", given(plan("a"), seen=UP, **GONE), ["report RUNNING a=RUNNING"]),
    ("that was told", given(plan("a"), seen=UP, **GONE, **{**TOLD, "told": "STOPPING"}), []),
    ("it is to end and needs no stop", given(plan("a"), seen=UP, wish="STOPPED", **GONE, **TOLD), []),
    ("it may come back", given(plan("a", restart=AGAIN), seen=UP, **GONE, **TOLD), []),
    ("that was of an earlier run", given(plan("a"), seen=UP, exiting={"id-a": 800.0}, **TOLD), []),
    ("another container goes on", given(plan("a"), plan("b"), seen=BOTH, **GONE, **BOTH_TOLD), []),
    (
        "a container that decides over nothing has ended",
        given(plan("a", essential=False), plan("b"), seen={**UP, "b": seen("b", "running")}, **GONE, **BOTH_TOLD),
        [],
    ),
    (
        "what has ended meanwhile",
        given(plan("a"), seen={"a": seen("a", "exited", 3)}, **GONE, **{**TOLD, "told": "STOPPING"}),
        STOPPED_A,
    ),
]

HEALTH: list[Any] = [
    (
        "its health is news",
        given(plan("a", spec=CHECKED), seen={"a": seen("a", "running", health="UNHEALTHY")}, **TOLD),
        ["report RUNNING a=RUNNING UNHEALTHY"],
    ),
    (
        "once",
        given(
            plan("a", spec=CHECKED),
            seen={"a": seen("a", "running", health="UNHEALTHY")},
            told_health={"a": "UNHEALTHY"},
            **TOLD,
        ),
        [],
    ),
    (
        "without a health check in the definition it is nobody's business",
        given(plan("a"), seen={"a": seen("a", "running", health="UNHEALTHY")}, **TOLD),
        [],
    ),
]


@pytest.mark.parametrize(
    ("name", "found", "then"), [*STARTING, *ENDING, *CLEARING, *DEPENDENCIES, *RESTARTS, *EXITING, *HEALTH]
)
def test_next_steps(name: str, found: Task, then: list[str]) -> None:
    assert steps(found) == then


def test_a_dependency_that_came_too_late_stays_too_late() -> None:
    found = given(
        plan("a", ("b", "COMPLETE")),
        plan("b", essential=False, start_timeout_seconds=100),
        seen={"b": BOTH["b"]},
    )
    assert steps(found) == ["stop b 30"]
    task.observe(found, "b", seen("b", "exited", 143))
    assert steps(found) == ["report STOPPED a=STOPPED b=STOPPED"]
    assert found.failure == "TaskDependencyError: a waited too long for b to complete"


def test_what_is_seen_only_moves_forward() -> None:
    found = given(plan("a"))
    for state in ("created", "running", "exited", "running", "created"):
        task.observe(found, "a", seen("a", state))
    assert found.containers["a"].state == "exited"


def test_a_look_that_began_after_a_run_was_known_ends_it_where_it_finds_none() -> None:
    found = given(plan("a"), seen=UP)
    task.looked(found, "a", seen("a", "created"), None, NOW)
    assert found.containers == UP, "that look began before"
    task.looked(found, "a", seen("a", "running", since=800.0), found.containers["a"], NOW)
    assert found.containers["a"].started_at == 800.0
    task.looked(found, "a", seen("a", "created"), found.containers["a"], NOW)
    over = found.containers["a"]
    assert (over.state, over.started_at, over.finished_at, over.reason) == ("exited", 800.0, NOW, task.VANISHED)


def test_of_a_run_nobody_saw_begin_the_end_is_seen() -> None:
    """Docker has no time of its start; that it runs at all shows that it was after its creation."""
    found = given(plan("a"), seen={"a": seen("a", "running", since=850.0, created_at=850.0)})
    task.observe(found, "a", seen("a", "created", created_at=850.0))
    assert found.containers["a"].state == "running"
    end = Container("id-a", "ecs-a", {}, "exited", "image", exit_code=3, finished_at=990.0, created_at=850.0)
    task.observe(found, "a", end)
    assert found.containers["a"] == msgspec.structs.replace(end, started_at=850.0)
    task.observe(found, "a", seen("a", "running", since=995.0, created_at=850.0))
    task.observe(found, "a", end)
    assert found.containers["a"].state == "running", "that was the run before"


def test_a_later_run_is_news_of_a_container_that_exited() -> None:
    found = given(plan("a"), seen=OVER)
    task.observe(found, "a", seen("a", "running", since=995.0))
    assert found.containers["a"].state == "running"
    task.observe(found, "a", seen("a", "exited", 3))
    assert found.containers["a"].state == "running", "that was the run before"


def test_restarts_are_counted_and_told() -> None:
    found = given(plan("a", restart=AGAIN), seen=OVER, **TOLD)
    (again,) = decide.next_steps(found, NOW, TIMING)
    task.began(found, again)
    found.busy.clear()
    task.observe(found, "a", seen("a", "running", since=995.0))
    (step,) = decide.next_steps(found, NOW, TIMING)
    assert isinstance(step, task.Report)
    assert [each.restart_count for each in step.request.containers or []] == [1]
    task.began(found, step)
    assert decide.next_steps(found, NOW, TIMING) == []


def test_a_container_that_can_not_be_started_again_says_why() -> None:
    found = given(plan("a", restart=AGAIN), seen=OVER, **TOLD)
    task.give_up(found, "a", "CannotStartContainerError: no")
    (step,) = decide.next_steps(found, NOW, TIMING)
    assert isinstance(step, task.Report)
    assert [(each.exit_code, each.reason) for each in step.request.containers or []] == [
        (3, "CannotStartContainerError: no")
    ]


def test_what_was_bound_stays_known() -> None:
    ports = (PortMapping(80, 32768),)
    found = given(plan("a"))
    task.observe(found, "a", seen("a", "running", ports=ports))
    task.observe(found, "a", seen("a", "exited"))
    assert found.containers["a"].ports == ports


def test_the_word_of_the_runtime_on_the_end_of_a_run_is_taken() -> None:
    found = given(plan("a"), seen={"a": seen("a", "running", addresses=("172.17.0.2",))})
    assert task.ended(found, "a", "id-a", Ended(137, 950.0, oom_killed=True))
    over = found.containers["a"]
    assert (over.state, over.exit_code, over.reason, over.finished_at) == ("exited", 137, OUT_OF_MEMORY, 950.0)
    assert over.addresses == ()


@pytest.mark.parametrize(
    ("known", "how"),
    [
        (seen("a", "created"), Ended(0, 950.0)),
        (seen("a", "running", since=960.0), Ended(0, 950.0)),
        (seen("a", "running", ports=(PortMapping(80, 32768),)), Ended(0, 950.0)),
        (seen("a", "exited", 3), Ended(0, 950.0)),
    ],
    ids=["not yet seen to run", "an earlier run", "has host ports", "over already"],
)
def test_the_end_of_a_run_has_to_be_looked_at(known: Container, how: Ended) -> None:
    found = given(plan("a"), seen={"a": known})
    assert not task.ended(found, "a", "id-a", how)
    assert not task.ended(found, "a", "id-of-another", how)
    assert not task.ended(found, "unknown", "id-a", how)
    assert found.containers == {"a": known}


def test_the_wish_never_goes_back() -> None:
    found = given(plan("a"), wish="STOPPED")
    task.wish(found, "RUNNING")
    assert found.wish == "STOPPED"


def test_a_container_before_those_found_has_vanished() -> None:
    found = given(plan("a"), plan("b"), plan("c"), seen={"b": BOTH["b"]})
    task.adopt(found, NOW)
    assert found.containers["a"].state == "exited"
    assert "c" not in found.containers
    assert steps(found) == ["stop b 30"]


def test_the_report_of_the_end_has_it_all() -> None:
    ends = {"a": seen("a", "exited", 3), "b": seen("b", "exited", 0)}
    found = given(plan("a"), plan("b", essential=False), plan("c", essential=False), seen=ends, told="RUNNING")
    (step,) = decide.next_steps(found, NOW, TIMING)
    assert isinstance(step, task.Report)
    assert step.request.reason == "Essential container in task exited"
    assert step.request.execution_stopped_at == 990.0
    assert [(each.container_name, each.exit_code) for each in step.request.containers or []] == [
        ("a", 3),
        ("b", 0),
        ("c", None),
    ]


def test_the_report_of_a_failure_says_whose_it_is() -> None:
    found = given(plan("a"), plan("b"))
    task.fail(found, "b", "CannotStartContainerError: no")
    task.fail(found, "a", "another")
    (step,) = decide.next_steps(found, NOW, TIMING)
    assert isinstance(step, task.Report)
    assert step.request.reason == "CannotStartContainerError: no"
    assert [each.reason for each in step.request.containers or []] == [None, "CannotStartContainerError: no"]


def test_a_range_of_ports_is_told_as_one() -> None:
    wanted = (PortMapping(80), PortMapping(8000, count=2))
    spec = ContainerSpec(name="ecs-a", image="image", ports=wanted)
    bound = (PortMapping(80, 32768), PortMapping(8000, 49153), PortMapping(8001, 49154))
    found = given(plan("a", spec=spec), seen={"a": seen("a", "running", ports=bound)})
    (step,) = decide.next_steps(found, NOW, TIMING)
    assert isinstance(step, task.Report)
    (change,) = step.request.containers or []
    assert change.network_bindings == [
        shapes.NetworkBinding(
            bind_ip="0.0.0.0", protocol="tcp", container_port_range="8000-8001", host_port_range="49153-49154"
        ),
        shapes.NetworkBinding(bind_ip="0.0.0.0", container_port=80, host_port=32768, protocol="tcp"),
    ]


def test_the_volumes_of_a_container_that_was_begun_are_the_tasks_even_if_it_never_was() -> None:
    spec = ContainerSpec(name="ecs-a", image="image", labels={TASK_VOLUMES: "v,w"})
    found = given(plan("a", spec=spec))
    (step,) = decide.next_steps(found, NOW, TIMING)
    task.began(found, step)
    assert found.volumes == {"v", "w"}
