"""Services at the door: what they are asked for is described, and what comes of their deployments (spec §7, §9.7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable
from typing import Any

from quarterdeck.engine.shell.scheduler import FULL_LOOK_SECONDS
from tests.engine.doors.asking import ARN, NOON, Asker, asking

PORTED = [{"name": "main", "image": "busybox", "memory": 64, "portMappings": [{"containerPort": 80}]}]
BALANCER = {"targetGroupArn": "arn:tg", "containerName": "main", "containerPort": 80}
REGISTRY = {"registryArn": "arn:r", "containerName": "main", "containerPort": 80}
WEB: dict[str, Any] = {"serviceName": "web", "taskDefinition": "app", "desiredCount": 2}
REVISION = ARN + "service-revision/default/web/"


async def serving(asker: Asker, **members: Any) -> dict[str, Any]:
    """Create a service and let it settle."""
    await asker.furnish(containerDefinitions=PORTED)
    await asker.ask("CreateService", **{**WEB, **members})
    return await asker.settle()


def number(service: dict[str, Any], place: int = 0) -> str:
    """The digits of a deployment."""
    return str(service["deployments"][place]["id"]).rpartition("/")[2]


async def test_what_a_service_is_asked_for_is_described() -> None:
    breaker = {"enable": True, "rollback": True}
    async with asking() as asker:
        told = await serving(
            asker,
            loadBalancers=[BALANCER],
            serviceRegistries=[REGISTRY],
            deploymentConfiguration={"deploymentCircuitBreaker": breaker, "maximumPercent": 150},
            deploymentController={"type": "ECS"},
            healthCheckGracePeriodSeconds=30,
            enableECSManagedTags=True,
            propagateTags="SERVICE",
            tags=[{"key": "team", "value": "blue"}],
        )
        expected = {
            "loadBalancers": [BALANCER],
            "serviceRegistries": [REGISTRY],
            "deploymentController": {"type": "ECS"},
            "healthCheckGracePeriodSeconds": 30,
            "availabilityZoneRebalancing": "ENABLED",
            "propagateTags": "SERVICE",
            "tags": [{"key": "team", "value": "blue"}],
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": breaker,
                "maximumPercent": 150,
                "minimumHealthyPercent": 100,
                "strategy": "ROLLING",
                "bakeTimeInMinutes": 0,
            },
        }
        assert {name: told[name] for name in expected} == expected
        (task, _) = (await asker.ask("DescribeTasks", tasks=await asker.tasks(), include=["TAGS"]))["tasks"]
        assert {each["key"]: each["value"] for each in task["tags"]} == {
            "team": "blue",
            "aws:ecs:clusterName": "default",
            "aws:ecs:serviceName": "web",
        }
        after = await asker.ask("UpdateService", service="web", loadBalancers=[], serviceRegistries=[])
        assert (after["service"]["loadBalancers"], after["service"]["serviceRegistries"]) == ([], [])
        assert len(after["service"]["deployments"]) == 2, "waiters count on it"


async def test_a_service_deployment_is_told_from_beginning_to_end() -> None:
    async with asking() as asker:
        told = await serving(asker)
        first = told["currentServiceDeployment"]
        assert first.startswith(ARN + "service-deployment/default/web/")
        assert len(first.rpartition("/")[2]) == 21
        revision = REVISION + number(told)
        assert told["currentServiceRevisions"] == [
            {"arn": revision, "requestedTaskCount": 2, "runningTaskCount": 2, "pendingTaskCount": 0}
        ]
        answer = await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[first, first + "x"])
        assert answer["failures"] == [{"arn": first + "x", "reason": "MISSING"}]
        (described,) = answer["serviceDeployments"]
        summary = {"arn": revision, "requestedTaskCount": 2, "runningTaskCount": 2, "pendingTaskCount": 0}
        assert described == {
            "serviceDeploymentArn": first,
            "serviceArn": ARN + "service/default/web",
            "clusterArn": ARN + "cluster/default",
            "createdAt": NOON,
            "startedAt": NOON,
            "finishedAt": NOON,
            "updatedAt": NOON,
            "sourceServiceRevisions": [],
            "targetServiceRevision": summary,
            "status": "SUCCESSFUL",
            "deploymentConfiguration": told["deploymentConfiguration"],
            "deploymentCircuitBreaker": {"status": "DISABLED", "failureCount": 0, "threshold": 0},
        }
        revisions = await asker.ask("DescribeServiceRevisions", serviceRevisionArns=[revision, REVISION + "1"])
        assert revisions["failures"] == [{"arn": REVISION + "1", "reason": "MISSING"}]
        (kept,) = revisions["serviceRevisions"]
        assert (kept["taskDefinition"], kept["launchType"], kept["containerImages"]) == (
            ARN + "task-definition/app:1",
            "EC2",
            [{"containerName": "main", "image": "busybox"}],
        )


async def test_a_newer_deployment_stops_the_one_before_and_they_are_listed_newest_first() -> None:
    async with asking() as asker:
        told = await serving(asker)
        for later in (1, 2):
            asker.clock.time = NOON + later
            await asker.ask("UpdateService", service="web", forceNewDeployment=True)
        listed = (await asker.ask("ListServiceDeployments", service="web"))["serviceDeployments"]
        assert [(each["status"], each["createdAt"]) for each in listed] == [
            ("IN_PROGRESS", NOON + 2),
            ("STOPPED", NOON + 1),
            ("SUCCESSFUL", NOON),
        ]
        assert listed[0]["serviceDeploymentArn"] == (await asker.service())["currentServiceDeployment"]
        arns = [each["serviceDeploymentArn"] for each in listed]
        (newest,) = (await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=arns[:1]))[
            "serviceDeployments"
        ]
        sources = [each["arn"] for each in newest["sourceServiceRevisions"]]
        assert sources == [REVISION + number(told), listed[1]["targetServiceRevisionArn"]]
        page = await asker.ask("ListServiceDeployments", service="web", maxResults=2)
        assert [each["serviceDeploymentArn"] for each in page["serviceDeployments"]] == arns[:2]
        page = await asker.ask("ListServiceDeployments", service="web", maxResults=2, nextToken=page["nextToken"])
        assert [each["serviceDeploymentArn"] for each in page["serviceDeployments"]] == arns[2:]
        assert "nextToken" not in page
        some = await asker.ask("ListServiceDeployments", service="web", status=["STOPPED", "SUCCESSFUL"])
        assert [each["serviceDeploymentArn"] for each in some["serviceDeployments"]] == arns[1:]
        some = await asker.ask("ListServiceDeployments", service="web", createdAt={"after": NOON + 1.5})
        assert [each["serviceDeploymentArn"] for each in some["serviceDeployments"]] == arns[:1]


async def test_a_deployment_that_is_stopped_is_rolled_back() -> None:
    async with asking() as asker:
        told = await serving(asker)
        await asker.define("app", containerDefinitions=PORTED)
        after = (await asker.ask("UpdateService", service="web", taskDefinition="app"))["service"]
        arn = after["currentServiceDeployment"]
        assert await asker.ask("StopServiceDeployment", serviceDeploymentArn=arn) == {"serviceDeploymentArn": arn}

        async def status() -> object:
            found = await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[arn])
            return found["serviceDeployments"][0]["status"]

        assert await status() in {"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"}
        await asker.until(status, "ROLLBACK_IN_PROGRESS")
        going = await asker.service()
        assert going["taskDefinition"] == ARN + "task-definition/app:1"
        assert going["deployments"][0]["rolloutStateReason"] == (
            f"ECS deployment stopped: rolling back to deploymentId ecs-svc/{number(told)}."
        )
        assert going["currentServiceDeployment"] == arn
        settled = await asker.settle()
        assert await status() == "ROLLBACK_SUCCESSFUL"
        assert [each["arn"] for each in settled["currentServiceRevisions"]] == [REVISION + number(told)]
        assert (await asker.refusal("StopServiceDeployment", serviceDeploymentArn=arn))[0] == "ConflictException"
        code, _ = await asker.refusal("ContinueServiceDeployment", serviceDeploymentArn=arn, hookId="h")
        assert code == "InvalidParameterException"


async def test_of_the_deployments_of_a_service_exactly_one_is_primary() -> None:
    async with asking() as asker:
        told = await serving(asker)
        for count in (2, 3):
            told = (await asker.ask("UpdateService", service="web", forceNewDeployment=True))["service"]
            if count == 2:
                await asker.appear(4, serviceName="web")
            assert [each["status"] for each in told["deployments"]] == ["PRIMARY"] + ["ACTIVE"] * (count - 1)
            primary = told["deployments"][0]["id"]
            assert (await asker.service())["deployments"][0]["id"] == primary, "the newest, also when described"
        told = await asker.settle()
        assert [(each["id"], each["status"]) for each in told["deployments"]] == [(primary, "PRIMARY")]


async def test_what_is_not_there_is_said_in_ecs_words() -> None:
    async with asking() as asker:
        await asker.furnish()
        unknown = ARN + "service-deployment/default/web/abc"
        assert await asker.refusal("ListServiceDeployments", service="web") == (
            "ServiceNotFoundException",
            "Service not found.",
        )
        assert await asker.refusal("StopServiceDeployment", serviceDeploymentArn=unknown) == (
            "ServiceDeploymentNotFoundException",
            "Service deployment not found.",
        )
        assert await asker.refusal("ListServicesByNamespace", namespace="shop") == (
            "NamespaceNotFoundException",
            "The specified namespace was not found.",
        )
        code, _ = await asker.refusal("DescribeServiceDeployments", serviceDeploymentArns=["abc"])
        assert code == "InvalidParameterException"


async def test_a_service_without_tasks_is_draining_first() -> None:
    async with asking() as asker:
        await asker.furnish()
        await asker.ask("CreateService", serviceName="web", taskDefinition="app", desiredCount=0)
        assert (await asker.ask("DeleteService", service="web"))["service"]["status"] == "DRAINING"

        async def status() -> str:
            return str((await asker.service())["status"])

        await asker.until(status, "INACTIVE")
        assert (await asker.ask("DeleteService", service="web"))["service"]["status"] == "INACTIVE"


async def test_a_namespace_that_is_a_clusters_default_has_no_services() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster", serviceConnectDefaults={"namespace": "shop"})
        assert await asker.ask("ListServicesByNamespace", namespace="shop") == {"serviceArns": []}


async def test_service_deployments_end_with_their_service() -> None:
    async with asking() as asker:
        await serving(asker)
        arn = (await asker.service())["currentServiceDeployment"]
        await asker.ask("DeleteService", service="web", force=True)

        async def status() -> object:
            await asker.run_all()
            return (await asker.service())["status"]

        await asker.until(status, "INACTIVE")
        await asker.ask("CreateService", **WEB)
        answer = await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[arn])
        assert [each["reason"] for each in answer["failures"]] == ["MISSING"]


async def fail_starts(asker: Asker, count: int) -> None:
    """Have agents report of so many new tasks that they could not be started."""
    failed: set[str] = set()
    newest = (await asker.service())["deployments"][0]["id"]

    async def waiting() -> list[str]:
        return [each for each in await asker.tasks(startedBy=newest) if each not in failed][:1]

    for done in range(count):
        await asker.until(lambda: _length(waiting()), 1)
        failed.update(await waiting())
        assert len(failed) == done + 1
        (task,) = failed - {*await asker.tasks(desiredStatus="STOPPED")}
        reason = "CannotPullContainerError: no such image"
        await asker.ask("SubmitTaskStateChange", task=task, status="STOPPED", reason=reason)


async def _length(listing: Awaitable[list[str]]) -> int:
    return len(await listing)


def messages(service: dict[str, Any]) -> list[str]:
    """What a service's events say, oldest first, without its name."""
    return [each["message"].removeprefix("(service web) ") for each in reversed(service["events"])]


async def test_a_broken_deployment_is_rolled_back_and_every_step_is_told() -> None:
    rules = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    async with asking() as asker:
        told = await serving(asker, deploymentConfiguration=rules)
        good, before = told["deployments"][0]["id"], set(await asker.tasks())
        await asker.define("app", containerDefinitions=PORTED)
        bad = (await asker.ask("UpdateService", service="web", taskDefinition="app"))["service"]["deployments"][0]["id"]
        await fail_starts(asker, 3)
        after = await asker.settle()
        assert set(await asker.tasks()) == before, "healthy old tasks are left alone"
        (deployment,) = after["deployments"]
        assert (deployment["id"], deployment["status"], deployment["rolloutState"]) == (good, "PRIMARY", "COMPLETED")
        assert after["taskDefinition"] == ARN + "task-definition/app:1"
        said = messages(after)
        failed = said.index(f"(deployment {bad}) deployment failed: tasks failed to start.")
        assert said[failed + 1] == f"rolling back to deployment {good}."
        assert said[-2:] == [f"(deployment {good}) deployment completed.", "has reached a steady state."]
        asked = await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[after["currentServiceDeployment"]])
        (record,) = asked["serviceDeployments"]
        reason = f"ECS deployment circuit breaker: rolling back to deploymentId {good}."
        assert (record["status"], record["statusReason"]) == ("ROLLBACK_SUCCESSFUL", reason)
        assert record["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
        back = {"reason": reason, "startedAt": NOON, "serviceRevisionArn": REVISION + good.rpartition("/")[2]}
        assert record["rollback"] == back
        assert record["targetServiceRevision"]["arn"] == REVISION + bad.rpartition("/")[2]


async def test_without_rollback_the_deployment_is_shown_failed_beside_the_old_one() -> None:
    rules = {"deploymentCircuitBreaker": {"enable": True, "rollback": False}}
    async with asking() as asker:
        told = await serving(asker, deploymentConfiguration=rules)
        await asker.define("app", containerDefinitions=PORTED)
        await asker.ask("UpdateService", service="web", taskDefinition="app")
        await fail_starts(asker, 3)

        async def states() -> list[tuple[str, str]]:
            return [(each["status"], each["rolloutState"]) for each in (await asker.service())["deployments"]]

        await asker.until(states, [("PRIMARY", "FAILED"), ("ACTIVE", "COMPLETED")])
        after = await asker.service()
        reason = "ECS deployment circuit breaker: tasks failed to start."
        assert after["deployments"][0]["rolloutStateReason"] == reason
        assert (after["runningCount"], after["deployments"][1]["id"]) == (2, told["deployments"][0]["id"])
        (record, *_) = (await asker.ask("ListServiceDeployments", service="web"))["serviceDeployments"]
        assert (record["status"], record["statusReason"]) == ("STOPPED", reason)


async def test_a_deployment_that_fits_nowhere_says_so_until_it_does() -> None:
    async with asking() as asker:
        await asker.furnish(memory="2000000")
        await asker.ask("CreateService", **WEB)

        async def reason() -> str:
            return str((await asker.service())["deployments"][0]["rolloutStateReason"])

        began = f"ECS deployment {(await asker.service())['deployments'][0]['id']} in progress."

        async def told() -> bool:
            return "has insufficient memory available." in await reason()

        await asker.until(told, True)
        (arn,) = (await asker.ask("ListContainerInstances"))["containerInstanceArns"]
        numbers = f"(container-instance {arn.rpartition('/')[2]}: needs 2000000 MiB, 1000000 left)"
        assert await reason() == f"{began} {(await asker.service())['events'][0]['message']} {numbers}"
        fits = [{"name": name, "type": "INTEGER", "integerValue": 9_000_000} for name in ("CPU", "MEMORY")]
        await asker.ask("RegisterContainerInstance", containerInstanceArn=arn, totalResources=fits)
        await asker.until(reason, began)


async def test_an_alarm_told_to_the_engine_rolls_a_deployment_back() -> None:
    rules = {"alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True}}
    async with asking() as asker:
        told = await serving(asker, deploymentConfiguration=rules)
        good = told["deployments"][0]["id"]
        began = await asker.ask("UpdateService", service="web", forceNewDeployment=True)
        deployment = began["service"]["deployments"][0]["id"]
        assert await asker.ask("PutAlarmState", alarmName="errors", stateValue="ALARM", stateReason="5xx") == {}
        after = await asker.settle()
        assert after["deployments"][0]["id"] == good
        assert f"(deployment {deployment}) deployment failed: alarm detected." in messages(after)
        asked = await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[after["currentServiceDeployment"]])
        (record,) = asked["serviceDeployments"]
        assert record["status"] == "ROLLBACK_SUCCESSFUL"
        expected = {"status": "TRIGGERED", "alarmNames": ["errors"], "triggeredAlarmNames": ["errors"]}
        assert record["alarms"] == expected


async def test_a_deployment_that_bakes_is_described_so() -> None:
    async with asking() as asker:
        await serving(asker, deploymentConfiguration={"bakeTimeInMinutes": 5})
        began = await asker.ask("UpdateService", service="web", forceNewDeployment=True)
        arn = began["service"]["currentServiceDeployment"]

        async def stage() -> str | None:
            await asker.run_all()
            asked = await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[arn])
            found: str | None = asked["serviceDeployments"][0].get("lifecycleStage")
            return found

        await asker.until(stage, "BAKE_TIME")
        asker.clock.time += 300
        await asker.settle()


async def test_what_waits_for_room_waits_for_no_clock() -> None:
    """The clock stands still the whole time, so that only events can move anything on."""
    async with asking() as asker:
        (first,) = await asker.furnish(memory="600000")
        await asker.ask("CreateService", **WEB)
        (task,) = await asker.appear(1)
        await asker.until(lambda: _said(asker, "insufficient memory"), True)
        await asker.join()
        await asker.appear(2)
        await asker.ask("UpdateService", service="web", desiredCount=3)
        await asker.until(lambda: _said(asker, "insufficient memory"), True)
        await asker.ask("UpdateService", service="web", desiredCount=1)
        await asker.run_all()
        await asker.ask("CreateService", **{**WEB, "serviceName": "other", "desiredCount": 2})
        await asker.appear(1, serviceName="other")
        assert first
        assert task
        for each in await asker.tasks(serviceName="web"):
            await asker.ask("StopTask", task=each)
        await asker.ask("UpdateService", service="web", desiredCount=0)
        await asker.run_all()
        await asker.appear(2, serviceName="other")


async def test_failed_starts_are_tried_again_when_an_instance_comes() -> None:
    async with asking() as asker:
        await asker.furnish()
        await asker.ask("CreateService", **{**WEB, "desiredCount": 1})
        await fail_starts(asker, 3)
        await asker.until(lambda: _said(asker, "is unable to consistently start tasks"), True)
        assert await asker.tasks() == []
        asker.clock.time += 1
        await asker.join()
        await asker.appear(1)


async def _said(asker: Asker, text: str) -> bool:
    return text in messages(await asker.service())[-1]


async def test_zones_are_rebalanced_when_one_is_back_and_it_is_told() -> None:
    async with asking() as asker:
        await asker.furnish()
        await asker.ask("CreateService", **{**WEB, "desiredCount": 4})
        await asker.settle()
        assert (await asker.service())["availabilityZoneRebalancing"] == "ENABLED"
        await asker.join("us-east-1b")
        asker.clock.time += FULL_LOOK_SECONDS

        async def zones() -> dict[str, int]:
            await asker.run_all()
            found = (await asker.ask("DescribeTasks", tasks=await asker.tasks()))["tasks"]
            return dict(Counter(each["availabilityZone"] for each in found))

        await asker.until(zones, {"us-east-1a": 2, "us-east-1b": 2})
        after = await asker.settle()
        said = [each for each in messages(after) if "alanc" in each]
        began = "service (web) is not AZ balanced with 4 tasks in us-east-1a, and 0 tasks in us-east-1b."
        assert said[0] == began + " AZ Rebalancing in progress."
        assert said[1].startswith("web has started 2 tasks in us-east-1b to AZ Rebalance: ")
        assert said[-1] == "service (web) is AZ balanced with 2 tasks in us-east-1a, and 2 tasks in us-east-1b."
        assert any("running tasks in us-east-1a due to AZ rebalancing: " in each for each in said)
