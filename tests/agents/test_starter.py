"""Starting containers."""

from __future__ import annotations

import asyncio

from quarterdeck.agents.home import Home
from quarterdeck.agents.image_records import ImageRecords
from quarterdeck.agents.images import Images
from quarterdeck.agents.networks import Networks
from quarterdeck.agents.plan import ContainerPlan, TaskPlan
from quarterdeck.agents.provision import Provision
from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.runtimes.simulated import SimulatedHost, SimulatedRuntime
from quarterdeck.agents.secret_store import SecretStore
from quarterdeck.agents.settings import ImageSettings
from quarterdeck.agents.starter import Starter
from quarterdeck.agents.task import Task, observe
from quarterdeck.events.secret_exchange import KEY_BYTES
from tests.agents.world import FakeEngine, FakeLink, ManualClock

PLAN = ContainerPlan(name="app", spec=ContainerSpec("ecs-app", "image"))


async def test_what_may_have_run_already_is_looked_at_before_it_is_started() -> None:
    clock = ManualClock()
    host = SimulatedHost(clock)
    runtime = SimulatedRuntime(host)
    task = Task(id="t", arn="arn", cluster="c", plan=TaskPlan(containers=(PLAN,)))
    container_id = await runtime.create(PLAN.spec)
    observe(task, "app", await runtime.inspect(container_id))
    host.start(container_id)  # an attempt whose outcome nobody heard of
    host.kill(container_id, exit_code=4)
    async with asyncio.TaskGroup() as group:
        images = Images(runtime.images, clock, ImageSettings(), ImageRecords(None))
        home = Home(FakeLink(FakeEngine()), "default", "c0ffee", "s")
        secrets = SecretStore(home, b"k" * KEY_BYTES)
        networks = Networks(runtime.networks, clock, "", {})
        provision = Provision(None, secrets, networks, runtime.gateway, region="us-east-1", env_files="")
        await Starter(runtime, images, provision, clock, 1, lambda _: None).start(group, task, PLAN)
    assert (task.containers["app"].state, task.containers["app"].exit_code) == ("exited", 4)
    assert host.held(container_id).run == 1
    await runtime.close()
