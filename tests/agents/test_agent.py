"""An agent between an engine of values and a simulated host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from quarterdeck.agents import labels
from quarterdeck.agents.identity import DirectoryInUse, IdentityMismatch
from quarterdeck.agents.link import Refused
from quarterdeck.agents.registration import RegistrationRefused
from quarterdeck.agents.reporter import BELIEVED_SECONDS, REFUSALS_BELIEVED
from quarterdeck.agents.runtimes.errors import CannotInspectContainerError
from quarterdeck.agents.runtimes.port import Container, ContainerSpec
from quarterdeck.agents.runtimes.simulated import Behaviour, SimulatedRuntime
from quarterdeck.agents.runtimes.simulated.behaviour import Image
from quarterdeck.agents.settings import ImageSettings, Limits, Timing
from quarterdeck.agents.task import VANISHED
from quarterdeck.agents.wants import DOUBTED_SECONDS_MAX
from quarterdeck.events import shapes
from quarterdeck.events.names import short_name
from tests.agents.world import INSTANCE, World, container, definition, task_id

ONE = task_id(1)
TWO = task_id(2)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World(
        job=Behaviour(run_seconds=5, exit_code=3),
        instant=Behaviour(run_seconds=0, exit_code=0),
        stubborn=Behaviour(ignores_sigterm=True, stop_exit_code=0),
        broken=Behaviour(start_error="no such command"),
        slow=Behaviour(health=((25.0, "HEALTHY"),)),
        ailing=Behaviour(health=((10.0, "HEALTHY"), (20.0, "UNHEALTHY"))),
    )
    yield made
    await made.close()


async def running(world: World, *names: str) -> None:
    """Have these tasks reported RUNNING."""
    world.start()
    world.engine.place(*names, definition=definition())
    await world.until(lambda: all(world.engine.told(name) == ["RUNNING"] for name in names))


async def test_a_wanted_task_runs_and_is_reported_running(world: World) -> None:
    await running(world, ONE)
    (held,) = world.containers()
    assert held.state == "running"
    assert held.labels == {
        labels.CLUSTER: "default",
        labels.TASK_ARN: f"arn:aws:ecs:us-east-1:000000000000:task/default/{ONE}",
        labels.CONTAINER_NAME: "app",
        labels.FAMILY: "web",
        labels.REVISION: "1",
        labels.CONTAINER_INSTANCE: INSTANCE,
        labels.TASK_VOLUMES: "",
    }
    (change,) = world.engine.last(ONE).containers or []
    assert (change.container_name, change.status, change.runtime_id) == ("app", "RUNNING", held.id)


async def test_a_task_that_was_wanted_before_the_agent_came_runs(world: World) -> None:
    world.engine.place(ONE, definition=definition())
    world.start()
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])


async def test_a_job_is_reported_stopped_with_its_exit_code(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "job")))
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    last = world.engine.last(ONE)
    (change,) = last.containers or []
    assert (change.exit_code, change.status) == (3, "STOPPED")
    assert last.reason == "Essential container in task exited"
    assert last.execution_stopped_at == world.containers()[0].finished_at


async def test_a_job_that_is_over_at_once_was_running_first(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "instant")))
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])


async def test_stopped_containers_are_kept_for_a_while_and_then_removed(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "instant")))
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    await world.go(5)
    assert len(world.containers()) == 1
    await world.go(6)
    assert world.containers() == []
    assert world.agent is not None
    assert world.agent.tasks is not None
    assert world.agent.tasks.by_id == {}


async def test_a_task_that_is_to_end_is_stopped_and_reported(world: World) -> None:
    await running(world, ONE)
    world.engine.stop(ONE)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    assert (world.engine.last(ONE).containers or [])[0].exit_code == 143


async def test_a_slow_stop_holds_nobody_up(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "stubborn")))
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    world.engine.stop(ONE)
    world.engine.place(TWO, definition=definition())
    await world.go(10)
    assert (world.engine.told(ONE), world.engine.told(TWO)) == (["RUNNING"], ["RUNNING"])
    await world.go(21)
    assert world.engine.told(ONE) == ["RUNNING", "STOPPED"]
    assert (world.engine.last(ONE).containers or [])[0].exit_code == 137


async def test_a_container_that_ends_while_it_is_being_stopped_is_not_waited_for(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "stubborn")))
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    world.engine.stop(ONE)
    await world.go(10)
    world.host.kill(world.containers()[0].id)
    await world.go(1)
    assert world.engine.told(ONE) == ["RUNNING", "STOPPED"]
    assert (world.engine.last(ONE).containers or [])[0].exit_code == 137


async def test_a_task_whose_container_does_not_start_is_stopped_with_the_reason(world: World) -> None:
    world.start()
    both = definition(container("first"), container("second", "broken"))
    world.engine.place(ONE, definition=both)
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    assert world.engine.last(ONE).reason == "CannotStartContainerError: no such command"
    assert [each.state for each in world.containers()] == ["exited", "created"]
    await world.go(11)
    assert world.containers() == []


@pytest.mark.parametrize(
    ("image", "why"), [("broken", "CannotStartContainerError"), ("missing", "CannotPullContainer")]
)
async def test_a_container_that_is_not_essential_and_does_not_start_ends_alone(
    world: World, image: str, why: str
) -> None:
    world.start()
    both = definition(container("first", image, essential=False), container("second"))
    world.engine.place(ONE, definition=both)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    first, second = world.engine.last(ONE).containers or []
    assert (first.status, first.exit_code, second.status) == ("STOPPED", None, "RUNNING")
    assert (first.reason or "").startswith(why)
    world.engine.stop(ONE)
    await world.go(12)
    assert world.engine.told(ONE) == ["RUNNING", "STOPPED"]
    assert world.containers() == []


async def test_a_container_that_needs_one_that_did_not_start_says_why(world: World) -> None:
    world.start()
    after = shapes.ContainerDependency(container_name="first", condition="START")
    both = definition(container("first", "broken", essential=False), container("second", depends_on=[after]))
    world.engine.place(ONE, definition=both)
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    why = "TaskDependencyError: second needs first: CannotStartContainerError: no such command"
    assert world.engine.last(ONE).reason == why


async def test_where_images_must_be_pulled_one_that_can_not_be_ends_the_task(world: World) -> None:
    world.start(images=ImageSettings(pull_behavior="always"))
    both = definition(container("first"), container("second", "missing", essential=False))
    world.engine.place(ONE, definition=both)
    await world.until(lambda: world.engine.told(ONE)[-1:] == ["STOPPED"])
    assert (world.engine.last(ONE).reason or "").startswith("CannotPullContainerError: ")


async def test_an_image_that_is_not_there_is_the_reason(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "missing:1")))
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    assert (world.engine.last(ONE).reason or "").startswith("CannotPullContainerError: ")
    assert world.engine.last(ONE).pull_started_at is not None


async def test_a_task_that_is_to_end_does_not_wait_for_its_image(world: World) -> None:
    world.host.image_of = lambda image: Image(pull_seconds=600, present=False)
    world.start()
    world.engine.place(ONE, definition=definition())
    await world.go(5)
    world.engine.stop(ONE)
    await world.go(1)
    assert world.engine.told(ONE) == ["STOPPED"]
    assert world.containers() == []


async def test_tasks_with_the_same_image_share_one_pull(world: World) -> None:
    pulled = []

    def image_of(image: str) -> Image:
        pulled.append(image)
        return Image(pull_seconds=60, present=False)

    world.host.image_of = image_of
    world.start()
    names = [task_id(number) for number in range(1, 31)]
    world.engine.place(*names, definition=definition())
    await world.until(lambda: all(world.engine.told(name) == ["RUNNING"] for name in names))
    assert world.engine.last(ONE).pull_stopped_at == (world.engine.last(ONE).pull_started_at or 0) + 60
    assert world.clock.now() < 1_070  # one pull's time


async def test_a_killed_container_ends_its_task(world: World) -> None:
    await running(world, ONE)
    before = world.clock.now()
    world.host.kill(world.containers()[0].id)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    assert (world.engine.last(ONE).containers or [])[0].exit_code == 137
    assert world.clock.now() == before  # no timer had to run


async def test_that_nothing_runs_in_a_task_is_told_before_how_it_ended(world: World) -> None:
    world.behaviours["forever"] = Behaviour(teardown_seconds=5)
    await running(world, ONE)
    before = world.clock.now()
    world.host.kill(world.containers()[0].id, exit_code=3)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPING"])
    assert world.clock.now() == before
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPING", "STOPPED"])
    assert (world.engine.last(ONE).containers or [])[0].exit_code == 3


async def test_a_task_that_is_stopping_is_told_stopped_by_an_agent_that_starts_meanwhile(world: World) -> None:
    world.behaviours["forever"] = Behaviour(teardown_seconds=5)
    await running(world, ONE)
    world.host.kill(world.containers()[0].id, exit_code=3)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPING"])
    await world.crash()
    world.start()
    await world.until(lambda: world.engine.told(ONE)[-1] == "STOPPED")
    assert (world.engine.last(ONE).containers or [])[0].exit_code == 3


async def test_a_container_that_vanished_ends_its_task(world: World) -> None:
    await running(world, ONE)
    world.host.vanish(world.containers()[0].id)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])


async def test_a_container_that_vanished_without_a_word_is_missed_at_the_next_comparison(world: World) -> None:
    await running(world, ONE, TWO)
    lost, kept = world.containers()
    del world.host._held[lost.id]
    await world.go(Timing().compare_seconds)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    assert (world.engine.last(ONE).containers or [])[0].reason == VANISHED
    assert world.engine.told(TWO) == ["RUNNING"]
    assert kept in world.containers()


def forget_run(world: World, container_id: str) -> None:
    """As a runtime that was killed before it wrote down that the container runs; it tells nobody."""
    held = world.host.held(container_id)
    held.seen = msgspec.structs.replace(held.seen, state="created", started_at=None)


async def test_a_run_that_the_runtime_knows_nothing_of_any_more_is_over(world: World) -> None:
    await running(world, ONE)
    forget_run(world, world.containers()[0].id)
    await world.go(Timing().compare_seconds)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    assert world.host.pulls == []
    assert all(each.state == "created" for each in world.containers()), "it may have run: it does not run again"


async def test_a_task_can_be_stopped_whose_run_the_runtime_knows_nothing_of_any_more(world: World) -> None:
    await running(world, ONE)
    before = world.clock.now()
    forget_run(world, world.containers()[0].id)
    world.engine.stop(ONE)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    assert world.clock.now() == before, "the answer to the stop says so"


async def test_a_restart_adopts_what_runs(world: World) -> None:
    await running(world, ONE, TWO)
    before = world.containers()
    await world.crash()
    world.start()
    await world.go(60)
    assert world.containers() == before
    assert world.engine.registrations[1].container_instance_arn is not None
    assert world.engine.told(ONE) == world.engine.told(TWO) == ["RUNNING"]  # what the engine knows is not told again


async def test_an_engine_that_knows_nothing_of_the_restart_ends_no_task_with_its_list(world: World) -> None:
    """A keeper that was replaced, and has not noticed, does not know the tasks that came after it either."""
    await running(world, ONE)
    before = world.containers()
    await world.crash()
    known, world.engine.tasks, world.engine.replaced_by = world.engine.tasks, {}, "i-1.1.before"
    world.start()
    await world.go(10)
    assert world.containers() == before
    world.engine.tasks, world.engine.replaced_by = known, ""
    await world.go(60)
    assert world.containers() == before
    assert world.engine.told(ONE) == ["RUNNING"]


async def test_a_task_whose_containers_vanished_while_no_agent_was_there_is_over(world: World) -> None:
    await running(world, ONE)
    await world.crash()
    world.host.vanish(world.containers()[0].id)
    world.start()
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    assert world.containers() == []  # and was not started again
    agent, stopped_at = world.agent, world.clock.now()
    assert agent is not None
    await world.until(lambda: agent.tasks is not None and not agent.tasks.by_id)
    assert world.clock.now() - stopped_at <= Timing().keep_stopped_seconds  # there is nothing to remove


async def test_what_an_agent_had_not_started_yet_in_a_running_task_the_next_one_starts(world: World) -> None:
    world.host.image_of = lambda image: Image(pull_seconds=60, present=image == "forever")
    world.start()
    side = container("side", "later", essential=False)
    world.engine.place(ONE, definition=definition(container("app"), side))
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    await world.crash()
    world.start()
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "RUNNING"])
    (change,) = world.engine.last(ONE).containers or []
    assert (change.container_name, change.status) == ("side", "RUNNING")
    assert [each.state for each in world.containers()] == ["running", "running"]


async def test_what_ended_while_no_agent_was_there_is_reported(world: World) -> None:
    await running(world, ONE)
    await world.crash()
    world.host.kill(world.containers()[0].id, exit_code=9)
    world.start()
    await world.until(lambda: world.engine.told(ONE)[-1] == "STOPPED")
    assert (world.engine.last(ONE).containers or [])[0].exit_code == 9
    assert len(world.containers()) == 1  # and was not started again


async def test_what_is_not_wanted_any_more_is_stopped_and_removed(world: World) -> None:
    await running(world, ONE, TWO)
    await world.crash()
    world.engine.forget(ONE)
    world.start()
    await world.go(15)
    assert [short_name(each.labels[labels.TASK_ARN]) for each in world.containers()] == [TWO]
    assert world.engine.told(ONE) == ["RUNNING"]


async def test_containers_of_others_are_left_alone(world: World) -> None:
    stranger = SimulatedRuntime(world.host)
    await stranger.start(await stranger.create(ContainerSpec("theirs", "any", labels={"a": "b"})))
    await running(world, ONE)
    await world.go(60)
    assert [each.state for each in world.containers()] == ["running", "running"]
    await stranger.close()


async def test_a_missed_change_is_noticed_by_the_next_one(world: World) -> None:
    await running(world, ONE)
    lists = world.engine.lists
    world.engine.deaf = True
    world.engine.place(TWO, definition=definition())
    world.engine.deaf = False
    world.engine.place(task_id(3), definition=definition())
    await world.until(lambda: world.engine.told(TWO) == ["RUNNING"])
    assert world.engine.lists == lists + 1


async def test_a_missed_last_change_is_noticed_by_a_heartbeat(world: World) -> None:
    await running(world, ONE)
    world.engine.deaf = True
    world.engine.place(TWO, definition=definition())
    before = world.clock.now()
    await world.until(lambda: world.engine.told(TWO) == ["RUNNING"])
    assert world.clock.now() <= before + 1


async def test_nothing_is_listed_without_need(world: World) -> None:
    await running(world, ONE)
    await world.go(100)
    assert world.engine.lists == 1


async def test_a_lost_link_stops_nothing_and_reports_arrive_once_it_is_back(world: World) -> None:
    await running(world, ONE, TWO)
    world.engine.down = True
    await world.go(30)
    world.host.kill(world.containers()[0].id)
    await world.go(300)
    assert [each.state for each in world.containers()] == ["exited", "running"]
    world.engine.down = False
    await world.go(10)
    assert world.engine.told(ONE) == ["RUNNING", "STOPPED"]
    assert world.engine.told(TWO) == ["RUNNING"]


async def test_a_report_whose_answer_was_lost_counts_once(world: World) -> None:
    await running(world, ONE)
    world.engine.lose_answers = 3
    world.host.kill(world.containers()[0].id)
    await world.until(lambda: ONE not in world.engine.tasks)
    await world.go(20)
    assert world.engine.told(ONE) == ["RUNNING", "STOPPED"]
    assert world.engine.lose_answers == 0


async def test_what_changed_while_the_runtime_was_away_is_seen_when_it_is_back(world: World) -> None:
    await running(world, ONE, TWO)
    beats = len(world.engine.heartbeats)
    world.host.daemon_away()
    world.host.kill(world.containers()[0].id)
    world.engine.place(task_id(3), definition=definition())
    await world.go(60)
    assert len(world.engine.heartbeats) >= beats + 59
    assert [world.engine.told(task_id(number)) for number in (1, 2, 3)] == [["RUNNING"], ["RUNNING"], []]
    world.host.daemon_back()
    await world.go(6)
    assert world.engine.told(ONE) == ["RUNNING", "STOPPED"]
    assert world.engine.told(TWO) == world.engine.told(task_id(3)) == ["RUNNING"]


async def test_registration_waits_for_the_runtime_and_the_engine(world: World) -> None:
    world.host.daemon_away()
    world.engine.down = True
    world.start()
    await world.go(60)
    world.host.daemon_back()
    await world.go(60)
    world.engine.down = False
    await world.until(lambda: world.engine.registrations)


async def test_the_default_cluster_is_made_if_it_is_missing(world: World) -> None:
    world.engine.clusters.clear()
    world.start()
    await world.until(lambda: world.engine.registrations)
    assert world.engine.clusters == {"default"}
    assert world.engine.calls[:3] == ["RegisterContainerInstance", "CreateCluster", "RegisterContainerInstance"]


async def test_a_cluster_that_was_named_is_waited_for(world: World) -> None:
    world.start(cluster="blue")
    await world.go(60)
    assert "CreateCluster" not in world.engine.calls
    world.engine.clusters.add("blue")
    await world.until(lambda: world.engine.registrations)


@pytest.mark.parametrize("code", ["ClientException", "InvalidParameterException"])
async def test_a_refused_registration_ends_the_agent(world: World, code: str) -> None:
    world.engine.refusals["RegisterContainerInstance"] = [Refused(code, "no")]
    world.start()
    with pytest.raises(RegistrationRefused, match=f"{code}: no") as caught:
        await world.ended()
    assert caught.value.code == code


async def test_another_refusal_is_asked_again(world: World) -> None:
    world.engine.refusals["RegisterContainerInstance"] = [Refused("ThrottlingException", "later")]
    world.start()
    await world.until(lambda: world.engine.registrations)


async def test_an_identity_of_another_cluster_is_not_taken(world: World) -> None:
    await running(world, ONE)
    await world.stop()
    world.start(cluster="blue")
    with pytest.raises(IdentityMismatch, match=r"of cluster default, not blue.*empty data directory"):
        await world.ended()
    world.start(instance_type="m5.large")
    with pytest.raises(IdentityMismatch, match=r"of type quarterdeck\.local, not m5\.large"):
        await world.ended()


@pytest.mark.parametrize("turns", range(8))
async def test_an_agent_that_is_killed_while_it_says_goodbye_lets_go_of_its_identity(world: World, turns: int) -> None:
    """Simulation, seed 14363: the next agent was told that another runs."""
    await running(world, ONE)
    assert world.running is not None
    world.running.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    await world.crash()
    world.start()
    await world.go(1)
    assert not world.running.done()


async def test_a_second_agent_on_one_identity_is_turned_away(world: World) -> None:
    await running(world, ONE)
    first = world.running
    world.start()
    with pytest.raises(DirectoryInUse):
        await world.ended()
    world.running = first


async def test_an_inactive_instance_ends_the_agent_and_leaves_containers(world: World) -> None:
    await running(world, ONE)
    world.engine.status = "INACTIVE"
    assert await world.ended() == "deregistered"
    assert [each.state for each in world.containers()] == ["running"]


async def test_an_engine_that_does_not_know_the_instance_is_believed_only_after_a_while(world: World) -> None:
    """Simulation, seed 1422: the old keeper does not know an instance that has just registered with the new one."""
    await running(world, ONE)
    world.engine.status, world.engine.knows_instance = "INACTIVE", False
    await world.go(DOUBTED_SECONDS_MAX - 5)
    world.engine.status, world.engine.knows_instance = "ACTIVE", True
    await world.go(DOUBTED_SECONDS_MAX)
    assert len(world.containers()) == 1, "it was the old one"
    world.engine.status, world.engine.knows_instance = "INACTIVE", False
    assert await world.ended() == "deregistered"


async def test_an_agent_that_another_one_replaced_ends_without_a_goodbye(world: World) -> None:
    await running(world, ONE)
    world.engine.replaced_by = "i-1.2.other"
    assert await world.ended() == "replaced"
    assert not world.engine.heartbeats[-1].leaving
    assert [each.state for each in world.containers()] == ["running"]


async def test_an_instance_that_another_agent_is_can_be_had_once_that_one_is_missed(world: World) -> None:
    in_use = Refused("ResourceInUseException", "in use by another agent")
    world.engine.refusals["RegisterContainerInstance"] = [in_use] * 3
    world.start()
    await world.until(lambda: world.engine.registrations)
    await world.stop()
    world.engine.refusals["RegisterContainerInstance"] = [in_use] * 99
    world.start()
    began = world.clock.now()
    with pytest.raises(RegistrationRefused, match="in use by another agent"):
        await world.ended()
    assert world.clock.now() - began == pytest.approx(20.0, abs=5.0)


async def test_an_agent_that_is_stopped_says_goodbye_and_leaves_containers(world: World) -> None:
    await running(world, ONE)
    await world.stop()
    assert world.engine.heartbeats[-1].leaving
    assert [each.state for each in world.containers()] == ["running"]


async def test_each_agent_process_has_a_session_of_its_own(world: World) -> None:
    await running(world, ONE)
    await world.stop()
    world.start()
    await world.until(lambda: len({beat.session for beat in world.engine.heartbeats}) == 2)


async def test_two_hundred_tasks_at_once(world: World) -> None:
    world.start()
    names = [task_id(number) for number in range(1, 201)]
    world.engine.place(*names, definition=definition())
    await world.until(lambda: all(world.engine.told(name) == ["RUNNING"] for name in names))
    for each in world.containers():
        world.host.kill(each.id)
    await world.until(lambda: not world.engine.tasks)
    await world.go(11)
    assert world.containers() == []
    assert len(world.engine.reports) == 400


async def test_a_report_refused_for_now_is_sent_again(world: World) -> None:
    world.engine.refusals["SubmitTaskStateChange"] = [Refused("ThrottlingException", "later")]
    await running(world, ONE)


async def test_reports_do_not_wait_for_their_turn_once_the_engine_is_heard_again(world: World) -> None:
    await running(world, ONE)
    world.engine.down = True
    world.host.kill(world.containers()[0].id)
    await world.go(600)
    world.engine.down = False
    await world.go(1)
    assert world.engine.told(ONE) == ["RUNNING", "STOPPED"]


async def test_a_crash_between_create_and_start_is_made_good(world: World) -> None:
    world.behaviours["forever"] = Behaviour(start_seconds=30)
    world.start()
    world.engine.place(ONE, definition=definition())
    await world.go(10)
    await world.crash()
    assert [each.state for each in world.containers()] == ["created"]
    world.start()
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    assert len(world.containers()) == 1


async def test_what_ran_while_the_runtime_gave_no_answer_does_not_run_again(world: World) -> None:
    world.behaviours["job"] = Behaviour(start_seconds=2, run_seconds=1, exit_code=4)
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "job")))
    await world.go(1)
    world.host.daemon_away()  # the agent's start fails
    (held,) = world.containers()
    world.host.start(held.id)  # although it had an effect
    await world.go(5)
    world.host.daemon_back()
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    await world.go(5)
    assert world.containers()[0].finished_at == (world.engine.last(ONE).execution_stopped_at or 0)
    assert (world.engine.last(ONE).containers or [])[0].exit_code == 4


async def test_with_few_slots_all_still_start_and_a_task_that_is_to_end_gives_up_its_place(world: World) -> None:
    world.behaviours["forever"] = Behaviour(start_seconds=1)
    world.start(limits=Limits(starts_max=2))
    names = [task_id(number) for number in range(1, 11)]
    world.engine.place(*names, definition=definition())
    await world.go(0.5)
    world.engine.stop(names[-1])
    await world.go(5)
    assert [world.engine.told(name) for name in names] == [["RUNNING"]] * 9 + [["STOPPED"]]
    assert len(world.containers()) == 9


async def test_a_report_for_a_task_the_engine_does_not_know_is_given_up(world: World) -> None:
    await running(world, ONE)
    unknown = Refused("InvalidParameterException", "not found")
    world.engine.refusals["SubmitTaskStateChange"] = [unknown] * 100
    world.engine.forget(ONE)
    world.host.kill(world.containers()[0].id)
    await world.go(BELIEVED_SECONDS + 25)
    assert len(world.engine.refusals["SubmitTaskStateChange"]) > 100 - 2 * BELIEVED_SECONDS
    assert world.containers() == []
    assert world.engine.told(ONE) == ["RUNNING"]


async def test_a_report_refused_by_an_engine_that_was_replaced_is_brought_to_the_one_that_replaced_it(
    world: World,
) -> None:
    """Simulation, seeds 43 and 4930: the old keeper does not know the task, and has not noticed that it is the old."""
    world.start()
    refused = [Refused("InvalidParameterException", "not found")] * 2 * REFUSALS_BELIEVED
    world.engine.refusals["SubmitTaskStateChange"] = refused
    world.engine.place(ONE, definition=definition())
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])


async def test_a_task_asked_for_again_after_its_end_does_not_run_twice(world: World) -> None:
    await running(world, ONE)
    wanted = world.engine.tasks[ONE]
    world.host.kill(world.containers()[0].id)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    await world.go(20)
    world.engine.place(ONE, definition=wanted.definition or definition())
    await world.go(1)
    assert world.containers() == []
    assert world.engine.told(ONE) == ["RUNNING", "STOPPED", "STOPPED"]


async def test_a_definition_that_asks_for_too_much_is_told_so(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", secrets=[shapes.Secret(name="A")])))
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    assert "secrets" in (world.engine.last(ONE).reason or "")


CHECK = shapes.HealthCheck(command=["CMD", "true"], interval=5)


def healths(world: World, name: str) -> list[str | None]:
    """What was reported of the health of its first container."""
    reports = [each for each in world.engine.reports if short_name(each.task or "") == name and each.containers]
    return [(each.containers or [])[0].health_status for each in reports]


async def test_the_health_of_a_container_is_reported_as_it_changes(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "ailing", health_check=CHECK)))
    await world.until(lambda: healths(world, ONE) == ["UNKNOWN", "HEALTHY", "UNHEALTHY"])
    assert world.engine.told(ONE) == ["RUNNING"] * 3


async def test_a_container_that_needs_another_healthy_starts_when_it_is(world: World) -> None:
    world.start()
    needs = [shapes.ContainerDependency(container_name="db", condition="HEALTHY")]
    app = container("app", depends_on=needs)
    world.engine.place(ONE, definition=definition(app, container("db", "ailing", health_check=CHECK)))
    await world.until(lambda: world.engine.told(ONE))
    started = {each.image: each.started_at for each in world.containers()}
    assert (started["forever"] or 0) - (started["ailing"] or 0) == 10.0


async def test_a_container_with_a_restart_policy_is_started_again_in_place(world: World) -> None:
    policy = shapes.ContainerRestartPolicy(enabled=True, restart_attempt_period=5)
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "job", restart_policy=policy)))
    await world.until(lambda: len(world.engine.told(ONE)) == 3)
    assert world.engine.told(ONE) == ["RUNNING"] * 3
    (held,) = world.containers()
    counts = [(each.containers or [])[0].restart_count for each in world.engine.reports]
    assert counts == [None, 1, 2]
    assert [(each.containers or [])[0].runtime_id for each in world.engine.reports] == [held.id] * 3
    world.engine.stop(ONE)
    await world.until(lambda: world.engine.told(ONE)[-1] == "STOPPED")


async def test_a_restart_that_was_interrupted_and_left_its_container_stuck_is_given_up(world: World) -> None:
    policy = shapes.ContainerRestartPolicy(enabled=True, restart_attempt_period=5)
    world.start()
    world.engine.place(ONE, definition=definition(container("app", restart_policy=policy)))
    await world.until(lambda: world.engine.told(ONE))
    await world.go(10)
    (held,) = world.containers()
    world.host.held(held.id).behaviour = Behaviour(stuck=True)
    world.host.kill(held.id)
    await world.go(10)
    assert world.engine.told(ONE)[-1] == "STOPPED"
    (change,) = world.engine.last(ONE).containers or []
    assert (change.exit_code, change.reason) == (137, "CannotStartContainerError: task already exists")


async def test_a_container_that_can_not_be_looked_at_after_its_stop_is_stopped_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, failures = SimulatedRuntime.stop, [CannotInspectContainerError("Error response from daemon: no layer")]

    async def stopped(runtime: SimulatedRuntime, container_id: str, timeout_seconds: float) -> Container:
        seen = await stop(runtime, container_id, timeout_seconds)
        if failures:
            raise failures.pop()
        return seen

    monkeypatch.setattr(SimulatedRuntime, "stop", stopped)
    world.start()
    world.engine.place(ONE, definition=definition())
    await world.until(lambda: world.engine.told(ONE))
    world.engine.stop(ONE)
    await world.until(lambda: world.engine.told(ONE)[-1] == "STOPPED")
    assert not failures


async def test_a_container_that_can_not_be_looked_at_is_looked_at_again_now_and_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    async def inspect(_: SimulatedRuntime, container_id: str) -> Container:
        looks.append(world.clock.now())
        raise CannotInspectContainerError(f"Error response from daemon: {container_id} has no layer")

    world.start()
    world.engine.place(ONE, definition=definition(container("app", health_check=CHECK)))
    await world.until(lambda: healths(world, ONE)[-1:] == ["HEALTHY"])
    with monkeypatch.context() as patched:
        patched.setattr(SimulatedRuntime, "inspect", inspect)
        world.host.become(world.containers()[0].id, "UNHEALTHY")
        await world.go(60)
    assert 10 < len(looks) < 30
    await world.until(lambda: healths(world, ONE)[-1:] == ["UNHEALTHY"])


async def test_what_runs_of_a_task_that_waits_is_reported_after_a_while(world: World) -> None:
    world.start()
    needs = [shapes.ContainerDependency(container_name="db", condition="HEALTHY")]
    slow = container("db", "slow", health_check=CHECK)
    world.engine.place(ONE, definition=definition(container("app", depends_on=needs), slow))
    await world.until(lambda: world.engine.reports)
    (change,) = world.engine.last(ONE).containers or []
    assert (world.engine.last(ONE).status, change.container_name, change.status) == ("PENDING", "db", "RUNNING")
    began = world.containers()[0].started_at or 0
    assert world.clock.now() - began == 10.0
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    assert world.clock.now() - began == 25.0


async def test_restarts_are_counted_on_by_the_next_agent(world: World) -> None:
    policy = shapes.ContainerRestartPolicy(enabled=True, restart_attempt_period=5)
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "job", restart_policy=policy)))
    await world.until(lambda: len(world.engine.told(ONE)) == 3)
    await world.crash()
    world.start()
    await world.until(lambda: len(world.engine.told(ONE)) == 4)
    assert (world.engine.last(ONE).containers or [])[0].restart_count == 3


async def test_health_that_changes_while_the_engine_is_away_is_told_in_one_report(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", health_check=CHECK)))
    await world.until(lambda: healths(world, ONE)[-1:] == ["HEALTHY"])
    world.engine.down = True
    (held,) = world.containers()
    for _ in range(20):
        world.host.become(held.id, "UNHEALTHY")
        await world.go(1)
        world.host.become(held.id, "HEALTHY")
        await world.go(1)
    world.host.become(held.id, "UNHEALTHY")
    await world.go(1)
    before = len(world.engine.reports)
    world.engine.down = False
    await world.until(lambda: healths(world, ONE)[-1] == "UNHEALTHY" and len(world.engine.reports) > before + 1)
    assert len(world.engine.reports) == before + 2


async def test_a_runtime_that_can_not_be_asked_is_told_with_the_next_heartbeat(world: World) -> None:
    world.start()
    await world.go(5)
    assert world.engine.heartbeats[-1].runtime == "OK"
    world.host.daemon_away()
    await world.go(40)
    assert (world.engine.heartbeats[-1].runtime, world.engine.heartbeats[-1].runtime_reason) == (
        "IMPAIRED",
        "the simulated daemon is away",
    )
    world.host.daemon_back()
    await world.go(10)
    assert world.engine.heartbeats[-1].runtime == "OK"
