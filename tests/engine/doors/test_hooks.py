"""Lifecycle hooks at work: targets are asked as ECS asks a Lambda function, over HTTP and NATS (spec §9.6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import structlog.testing
from aiohttp import web
from nats.aio.msg import Msg

from quarterdeck.engine.doors import hooks
from quarterdeck.events.log.connect import connect
from quarterdeck.events.log.server import Server
from tests.engine.doors.asking import ARN, Asker, asking

WEB: dict[str, Any] = {"serviceName": "web", "taskDefinition": "app", "desiredCount": 1}
SOON = 0.1


class Target:
    """A target of hooks: answers what it is told to, in turn, and keeps what it was asked."""

    def __init__(self, *answers: dict[str, Any] | bytes) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.url = ""
        self.moved = ""
        self.pieces = 1

    def answer(self, body: bytes) -> bytes:
        self.asked.append(msgspec.json.decode(body))
        answer = self.answers.pop(0) if self.answers else {"hookStatus": "SUCCEEDED"}
        return answer if isinstance(answer, bytes) else msgspec.json.encode(answer)

    async def post(self, request: web.Request) -> web.StreamResponse:
        answer = self.answer(await request.read())
        if answer == b'"moved"':
            raise web.HTTPTemporaryRedirect(self.moved)
        if self.pieces > 1:
            return await self.written(request, answer)
        status = 503 if answer == b'"busy"' else 200
        return web.Response(body=answer, status=status)

    async def written(self, request: web.Request, answer: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        size = -(-len(answer) // self.pieces)
        for start in range(0, len(answer), size):
            await response.write(answer[start : start + size])
            await asyncio.sleep(SOON)
        return response


@asynccontextmanager
async def listening(*answers: Any) -> AsyncIterator[Target]:
    """Serve a target on loopback."""
    target = Target(*answers)
    app = web.Application()
    app.router.add_post("/hook", target.post)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        target.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield target
    finally:
        await runner.cleanup()


async def deploying(asker: Asker, target: str, *stages: str, **rules: Any) -> str:
    """Begin a deployment that is hooked; the ARN of its service deployment."""
    hook = {"hookTargetArn": target, "roleArn": "arn:r", "lifecycleStages": stages, "hookDetails": {"who": "me"}}
    configuration = {"strategy": "BLUE_GREEN", "lifecycleHooks": [hook], **rules}
    await asker.furnish()
    await asker.ask("CreateService", **WEB, deploymentConfiguration=configuration)
    await asker.settle()
    await asker.define("app")
    began = await asker.ask("UpdateService", service="web", taskDefinition="app")
    return str(began["service"]["currentServiceDeployment"])


async def described(asker: Asker, arn: str) -> dict[str, Any]:
    (found,) = (await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[arn]))["serviceDeployments"]
    return dict(found)


async def ended(asker: Asker, arn: str) -> dict[str, Any]:
    """Let agents work until a service deployment has ended."""

    async def over() -> bool:
        await asker.run_all()
        return "finishedAt" in await described(asker, arn)

    await asker.until(over, True)
    return await described(asker, arn)


async def test_a_webhook_is_told_what_ecs_tells_and_lets_the_deployment_go_on() -> None:
    async with asking() as asker, listening() as target:
        arn = await deploying(asker, target.url, "PRE_SCALE_UP", "POST_PRODUCTION_TRAFFIC_SHIFT")
        found = await ended(asker, arn)
        assert (found["status"], found["lifecycleStage"]) == ("SUCCESSFUL", "CLEAN_UP")
        before, after = target.asked
        green = found["targetServiceRevision"]["arn"]
        (blue,) = [each["arn"] for each in found["sourceServiceRevisions"]]
        assert before["executionDetails"] == {
            "serviceArn": ARN + "service/default/web",
            "targetServiceRevisionArn": green,
            "testTrafficWeights": {green: 0.0, blue: 100.0},
            "productionTrafficWeights": {green: 0.0, blue: 100.0},
        }
        assert (before["lifecycleStage"], before["resourceArn"]) == ("PRE_SCALE_UP", arn)
        assert before["hookDetails"] == {"who": "me"}
        assert after["lifecycleStage"] == "POST_PRODUCTION_TRAFFIC_SHIFT"
        assert after["executionDetails"]["productionTrafficWeights"] == {green: 100.0, blue: 0.0}
        details = found["lifecycleHookDetails"]
        assert [(each["hookId"], each["status"]) for each in details] == [
            (before["executionId"], "SUCCEEDED"),
            (after["executionId"], "SUCCEEDED"),
        ]
        assert found["targetServiceRevision"]["requestedProductionTrafficWeight"] == 100.0
        assert found["sourceServiceRevisions"][0]["requestedProductionTrafficWeight"] == 0.0


async def test_one_that_says_no_sends_the_service_back() -> None:
    async with asking() as asker, listening({"hookStatus": "FAILED"}) as target:
        arn = await deploying(asker, target.url, "POST_SCALE_UP")
        found = await ended(asker, arn)
        assert found["status"] == "ROLLBACK_SUCCESSFUL"
        assert [each["status"] for each in found["lifecycleHookDetails"]] == ["FAILED"]
        after = await asker.service()
        assert after["taskDefinition"] == ARN + "task-definition/app:1"
        said = [each["message"] for each in after["events"]]
        assert any(f"lifecycle hook: {target.url} FAILED in stage POST_SCALE_UP." in each for each in said)


async def test_on_the_way_back_it_is_told_the_weights_reversed() -> None:
    yes, no = {"hookStatus": "SUCCEEDED"}, {"hookStatus": "FAILED"}
    async with asking() as asker, listening(yes, no) as target:
        arn = await deploying(asker, target.url, "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT")
        found = await ended(asker, arn)
        assert found["status"] == "ROLLBACK_SUCCESSFUL"
        stages = ["PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"]
        assert [each["lifecycleStage"] for each in target.asked] == stages
        assert {each["resourceArn"] for each in target.asked} == {arn}
        (source,) = found["sourceServiceRevisions"]
        green, blue = found["targetServiceRevision"]["arn"], source["arn"]
        details = [each["executionDetails"] for each in target.asked]
        assert {each["targetServiceRevisionArn"] for each in details} == {green}
        assert [each["productionTrafficWeights"] for each in details] == [
            {green: 0.0, blue: 100.0},
            {green: 100.0, blue: 0.0},
            {green: 0.0, blue: 100.0},
        ]
        assert details[2]["testTrafficWeights"] == {green: 0.0, blue: 100.0}
        assert [each["status"] for each in found["lifecycleHookDetails"]] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]


async def test_one_that_is_not_done_is_asked_again_and_so_is_one_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "RETRY_SECONDS", SOON)
    waits = {"hookStatus": "IN_PROGRESS", "callBackDelay": SOON}
    async with asking() as asker, listening(waits, "busy", {"hookStatus": "SUCCEEDED"}) as target:
        arn = await deploying(asker, target.url, "PRE_SCALE_UP")
        assert (await ended(asker, arn))["status"] == "SUCCESSFUL"
        assert len(target.asked) == 3
        assert len({each["executionId"] for each in target.asked}) == 1


async def test_a_host_that_is_no_longer_allowed_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "RETRY_SECONDS", SOON)
    with structlog.testing.capture_logs() as logged:
        async with asking() as asker, listening() as target:
            arn = await deploying(asker, target.url, "POST_SCALE_UP")
            keeper = asker.replica.keeper
            allowed, keeper.settings = keeper.settings, msgspec.structs.replace(keeper.settings, hook_hosts=())

            async def refused() -> bool:
                await asker.run_all()
                return any("hook_hosts" in each.get("error", "") for each in logged)

            await asker.until(refused, True)
            assert target.asked == []
            keeper.settings = allowed
            assert (await ended(asker, arn))["status"] == "SUCCESSFUL"


async def test_redirects_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "RETRY_SECONDS", SOON)
    async with asking() as asker, listening() as other, listening("moved") as target:
        target.moved = other.url
        arn = await deploying(asker, target.url, "PRE_SCALE_UP")
        assert (await ended(asker, arn))["status"] == "SUCCESSFUL"
        assert len(target.asked) == 2, "asked again, as one that is away"
        assert other.asked == []


async def test_an_answer_may_come_in_pieces() -> None:
    async with asking() as asker, listening() as target:
        target.pieces = 3
        found = await ended(asker, await deploying(asker, target.url, "PRE_SCALE_UP"))
        assert (found["status"], len(target.asked)) == ("SUCCESSFUL", 1)


async def test_an_answer_that_is_none_fails_the_hook() -> None:
    async with asking() as asker, listening({"status": "fine"}) as target:
        arn = await deploying(asker, target.url, "PRE_SCALE_UP")
        assert (await ended(asker, arn))["status"] == "ROLLBACK_SUCCESSFUL"


@pytest.mark.parametrize("answer", [b'{"hookStatus": "\xff"}', b'{"hookStatus": "SUCCEEDED", "x": ' + b"[" * 60_000])
async def test_an_answer_that_can_not_be_read_fails_the_hook_and_not_the_engine(answer: bytes) -> None:
    async with asking() as asker, listening(answer) as target:
        arn = await deploying(asker, target.url, "POST_SCALE_UP")
        assert (await ended(asker, arn))["status"] == "ROLLBACK_SUCCESSFUL"


async def test_one_nobody_answers_for_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "RETRY_SECONDS", SOON)
    async with asking() as asker:
        arn = await deploying(asker, "nats:nobody.there", "PRE_SCALE_UP")
        await asker.until(lambda: _stage(asker, arn), "PRE_SCALE_UP")
        asker.clock.time += 24 * 3600
        found = await ended(asker, arn)
        assert found["status"] == "ROLLBACK_SUCCESSFUL"
        assert found["lifecycleHookDetails"][0]["status"] == "TIMED_OUT"


async def test_a_pause_is_described_and_continued() -> None:
    async with asking() as asker:
        pause = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
        arn = await deploying(asker, "nats:x", lifecycleHooks=[pause])

        async def waits() -> list[str]:
            await asker.run_all()
            return [each["status"] for each in (await described(asker, arn)).get("lifecycleHookDetails", [])]

        await asker.until(waits, ["AWAITING_ACTION"])
        (hook,) = (await described(asker, arn))["lifecycleHookDetails"]
        asked = {"serviceDeploymentArn": arn, "hookId": hook["hookId"], "action": "CONTINUE"}
        assert await asker.ask("ContinueServiceDeployment", **asked) == {"serviceDeploymentArn": arn}
        assert (await ended(asker, arn))["status"] == "SUCCESSFUL"


@pytest.mark.nats
async def test_a_subject_is_asked_over_nats(server: Server) -> None:
    target = Target()

    async def answer(message: Msg) -> None:
        await message.respond(target.answer(message.data))

    link = await connect(server.address(), "engine")
    operator = await connect(server.address("operator"), "operator")
    try:
        await operator.client.subscribe("qd.hook.smoke", cb=answer)
        await operator.flush()
        async with asking() as asker:
            asker.replica.hooks.link = link
            arn = await deploying(asker, "nats:qd.hook.smoke", "PRE_SCALE_UP")
            assert (await ended(asker, arn))["status"] == "SUCCESSFUL"
        assert [each["lifecycleStage"] for each in target.asked] == ["PRE_SCALE_UP"]
    finally:
        await operator.close()
        await link.close()


async def _stage(asker: Asker, arn: str) -> str | None:
    found: str | None = (await described(asker, arn)).get("lifecycleStage")
    return found
