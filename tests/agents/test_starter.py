"""Starting containers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from quarterdeck.agents.home import Home
from quarterdeck.agents.image_records import ImageRecords
from quarterdeck.agents.images import Images
from quarterdeck.agents.networks import Networks
from quarterdeck.agents.plan import ContainerPlan, Needs, TaskPlan
from quarterdeck.agents.provision import Provision
from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.runtimes.simulated import SimulatedHost, SimulatedRuntime
from quarterdeck.agents.runtimes.simulated.behaviour import Image
from quarterdeck.agents.secret_store import SecretStore
from quarterdeck.agents.settings import ImageSettings
from quarterdeck.agents.starter import Starter
from quarterdeck.agents.task import Task, observe, wish
from quarterdeck.events.secret_exchange import KEY_BYTES, SecretsAnswer, SecretsRequest
from tests.agents.world import FakeEngine, FakeLink, ManualClock

PLAN = ContainerPlan(name="app", spec=ContainerSpec("ecs-app", "image"))


def starter_of(runtime: SimulatedRuntime, clock: ManualClock, link: FakeLink) -> Starter:
    images = Images(runtime.images, clock, ImageSettings(), ImageRecords(None))
    secrets = SecretStore(Home(link, "default", "c0ffee", "s"), b"k" * KEY_BYTES)
    networks = Networks(runtime.networks, clock, "", {})
    provision = Provision(None, secrets, networks, runtime.gateway, region="us-east-1", env_files="")
    return Starter(runtime, images, provision, clock, 1, lambda _: None)


def task_of(plan: ContainerPlan) -> Task:
    return Task(id="t", arn="arn", cluster="c", plan=TaskPlan(containers=(plan,)))


async def test_what_may_have_run_already_is_looked_at_before_it_is_started() -> None:
    clock = ManualClock()
    host = SimulatedHost(clock)
    runtime = SimulatedRuntime(host)
    task = task_of(PLAN)
    container_id = await runtime.create(PLAN.spec)
    observe(task, "app", await runtime.inspect(container_id))
    host.start(container_id)  # an attempt whose outcome nobody heard of
    host.kill(container_id, exit_code=4)
    async with asyncio.TaskGroup() as group:
        await starter_of(runtime, clock, FakeLink(FakeEngine())).start(group, task, PLAN)
    assert (task.containers["app"].state, task.containers["app"].exit_code) == ("exited", 4)
    assert host.held(container_id).run == 1
    await runtime.close()


class Interrupting(FakeLink):
    """While somebody asks for secrets, something else happens."""

    def __init__(self, engine: FakeEngine, happens: Callable[[], None]) -> None:
        super().__init__(engine)
        self.happens = happens

    async def secrets(self, cluster: str, container_instance: str, request: SecretsRequest) -> SecretsAnswer:
        self.happens()
        return await super().secrets(cluster, container_instance, request)


async def test_a_task_stopped_before_its_pull_begins_does_not_wait_for_it() -> None:
    clock = ManualClock()
    host = SimulatedHost(clock, image_of=lambda _: Image(present=False, pull_seconds=600.0))
    runtime = SimulatedRuntime(host)
    plan = ContainerPlan(name="app", spec=PLAN.spec, needs=Needs(registry_credentials="registry"))
    task = task_of(plan)

    def stop() -> None:
        wish(task, "STOPPED")
        starter.abandon(task.id)

    engine = FakeEngine()
    engine.secrets["registry"] = '{"username": "me", "password": "mine"}'
    starter = starter_of(runtime, clock, Interrupting(engine, stop))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        await starter.start(group, task, plan)
    assert (host.pulls, task.containers) == ([], {})
    await runtime.close()
