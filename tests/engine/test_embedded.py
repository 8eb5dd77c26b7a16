"""An engine embeds in a program, on its own nats-server or on nothing at all; its instances can be lost and found."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

import quarterdeck
from quarterdeck.engine.core.errors import ClusterNotFoundException
from quarterdeck.engine.doors.about import fingerprint
from quarterdeck.engine.embedded import Embedded
from quarterdeck.engine.rebuild import view_at
from quarterdeck.engine.remote import connect
from quarterdeck.engine.running import ENGINE_CREDS
from quarterdeck.events.cluster import ClusterCreated
from tests.engine.up_process import until

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
WEB = {"name": "web", "image": "web", "memory": 64}


async def run_service(qd: Embedded, count: int) -> None:
    """Run a service that leaves its tasks in their zones, and wait until all of it runs."""
    await qd.register_task_definition(family="web", container_definitions=[WEB])
    await qd.create_service(
        service_name="web", task_definition="web", desired_count=count, availability_zone_rebalancing="DISABLED"
    )

    async def runs() -> bool:
        return await running(qd) == count

    await until(runs)


async def running(qd: Embedded) -> int:
    found = (await qd.describe_services(services=["web"])).services or []
    return found[0].running_count or 0


async def test_without_any_socket_a_service_runs_in_memory() -> None:
    async with quarterdeck.embedded(memory=True) as qd:
        await run_service(qd, 4)
        assert qd.nats == ""
        arns = (await qd.list_tasks()).task_arns
        tasks = (await qd.describe_tasks(tasks=arns)).tasks or []
        assert {each.container_instance_arn for each in tasks} == {each.arn for each in qd.instances}


async def test_what_an_answer_tells_is_what_was_decided_however_fast_instances_are() -> None:
    async with quarterdeck.embedded(memory=True) as qd:
        await qd.register_task_definition(family="web", container_definitions=[WEB])
        for count in range(8):
            name = f"web-{count}"
            answer = await qd.create_service(service_name=name, task_definition="web", desired_count=count % 2)
            made = answer.service
            assert made is not None
            assert (made.running_count, made.pending_count, made.events) == (0, 0, [])
            assert [each.rollout_state for each in made.deployments or []] == ["IN_PROGRESS"]

            async def runs(name: str = name, count: int = count) -> bool:
                found = (await qd.describe_services(services=[name])).services or []
                return found[0].running_count == count % 2

            await until(runs)
            updated = (await qd.update_service(service=name, force_new_deployment=True)).service
            assert updated is not None
            assert [each.status for each in updated.deployments or []] == ["PRIMARY", "ACTIVE"][: count % 2 + 1]


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(ClusterNotFoundException, match="Cluster not found"):
        async with quarterdeck.embedded(memory=True, instances=1) as qd:
            await qd.list_tasks(cluster="nowhere")


async def test_the_log_is_followed_and_waited_for() -> None:
    async with quarterdeck.embedded(memory=True, instances=1) as qd:
        await qd.create_cluster(cluster_name="mine")
        await qd.wait_for(qd.sequence)
        async with aclosing(qd.follow(from_sequence=1)) as commits:
            async for commit in commits:
                created = [each.cluster for each in commit.events if isinstance(each, ClusterCreated)]
                if created == ["mine"]:
                    assert commit.sequence == qd.sequence
                    break


async def test_a_stopped_instance_keeps_its_tasks_and_takes_no_new_ones() -> None:
    async with quarterdeck.embedded(memory=True, instances=2) as qd:
        await run_service(qd, 2)
        one = qd.instances[0]
        await one.stop()
        assert await running(qd) == 2
        await qd.update_service(service="web", desired_count=4)

        async def grown() -> bool:
            return await running(qd) == 4

        await until(grown)
        found = (await qd.describe_container_instances(container_instances=[one.arn])).container_instances or []
        assert (found[0].agent_connected, found[0].running_tasks_count) == (False, 1)
        await one.start()
        assert one.connected
        assert await running(qd) == 4


async def test_a_lost_instance_is_replaced_and_the_count_is_right_when_it_is_back() -> None:
    async with quarterdeck.embedded(memory=True, instances=2, lost_after=0.3, heartbeat_timeout=0.3) as qd:
        await run_service(qd, 4)
        lost = qd.instances[1]
        await lost.kill()

        async def moved() -> bool:
            found = await qd.list_tasks(container_instance=qd.instances[0].arn)
            return len(found.task_arns or []) == 4

        await until(moved)
        await lost.start()

        async def right() -> bool:
            found = await qd.list_tasks(container_instance=lost.arn)
            return not found.task_arns and await running(qd) == 4

        await until(right)


async def test_the_live_state_is_the_fold_of_the_log() -> None:
    async with quarterdeck.embedded(memory=True, instances=2) as qd:
        await run_service(qd, 3)
        live = await fingerprint(qd.replica.keeper)
        view = await view_at(qd.replica.log.read(until=live.sequence))
        assert view.fingerprint() == live.fingerprint


@pytest.mark.nats
async def test_on_its_own_server_it_is_durable_and_others_may_connect(tmp_path: Path) -> None:
    async with quarterdeck.embedded(data=tmp_path, instances=2) as qd:
        await run_service(qd, 2)
        async with await connect(qd.nats, creds=tmp_path / ENGINE_CREDS) as other:
            assert (await other.list_clusters()).cluster_arns == (await qd.list_clusters()).cluster_arns
            live = await other.fingerprint()
            async with aclosing(other.records(until=live.sequence)) as records:
                assert (await view_at(records)).fingerprint() == live.fingerprint
            await other.wait_for(live.sequence)
        instances = {each.arn for each in qd.instances}
    async with quarterdeck.embedded(data=tmp_path, instances=2) as qd:
        assert {each.arn for each in qd.instances} == instances

        async def again() -> bool:
            return await running(qd) == 2

        await until(again)


@pytest.mark.nats
def test_twenty_lines_embed_it_lose_an_instance_and_await_the_replacement() -> None:
    program = EXAMPLES / "embed.py"
    code = [line for line in program.read_text().splitlines() if line and not line.startswith(('"""', "#"))]
    assert len(code) <= 20
    ran = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=50, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    told = re.fullmatch(r"lost container instance (\w{32}) and replaced its task on (\w{32})\n", ran.stdout)
    assert told
    assert told[1] != told[2]


async def test_a_task_gets_its_secret_and_the_log_has_it_sealed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = {"name": "app", "image": "none", "memory": 16, "command": ["sh", "-c", f'echo "$TOKEN" > {told}']}
    named = {**script, "secrets": [{"name": "TOKEN", "valueFrom": "prod/token"}]}
    role = "arn:aws:iam::000000000000:role/execution"
    async with quarterdeck.embedded(memory=True, instances=1, runtime="process", cpu=256, memory_mib=256) as qd:
        await qd.register_task_definition(family="app", container_definitions=[named], execution_role_arn=role)
        early = ((await qd.run_task(task_definition="app")).tasks or [])[0].task_arn or ""
        await until(lambda: ended(qd, early))
        (refused,) = (await qd.describe_tasks(tasks=[early])).tasks or []
        assert (refused.stopped_reason or "").startswith("ResourceInitializationError: unable to pull secrets")
        await qd.replica.secrets.store("us-east-1/000000000000", "prod/token", "a-cheese-of-the-moon", "me")
        await qd.run_task(task_definition="app")

        async def written() -> bool:
            return told.exists() and told.read_text() == "a-cheese-of-the-moon\n"

        await until(written)
        async with aclosing(qd.replica.log.read(0, until=qd.replica.keeper.sequence)) as batches:
            payloads = [record.payload async for batch in batches for record in batch]
    assert any(b"SecretStored" in payload for payload in payloads)
    assert not any(b"a-cheese-of-the-moon" in payload for payload in payloads)


async def ended(qd: Embedded, task: str) -> bool:
    found = (await qd.describe_tasks(tasks=[task])).tasks or []
    return [each.last_status for each in found] == ["STOPPED"]
