"""Task definitions at the door: registered, described, listed, deregistered, deleted (spec §5.1)."""

from __future__ import annotations

from tests.engine.doors.asking import ACTOR, ARN, NOON, asking

TAGS = [{"key": "team", "value": "blue"}]
NOT_THERE = ("ClientException", "Unable to describe task definition.")


async def test_a_revision_is_answered_as_it_is_described() -> None:
    async with asking() as asker:
        answer = await asker.ask(
            "RegisterTaskDefinition",
            family="web",
            containerDefinitions=[
                {"name": "web", "image": "nginx", "memory": 300, "portMappings": [{"containerPort": 80}]}
            ],
            placementConstraints=[{"type": "memberOf", "expression": "attribute:a exists"}],
            tags=TAGS,
        )
        assert answer["tags"] == TAGS
        assert answer["taskDefinition"] == {
            "taskDefinitionArn": ARN + "task-definition/web:1",
            "containerDefinitions": [
                {
                    "name": "web",
                    "image": "nginx",
                    "cpu": 0,
                    "memory": 300,
                    "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}],
                    "essential": True,
                    "environment": [],
                    "mountPoints": [],
                    "volumesFrom": [],
                    "systemControls": [],
                }
            ],
            "family": "web",
            "revision": 1,
            "volumes": [],
            "status": "ACTIVE",
            "placementConstraints": [{"type": "memberOf", "expression": "attribute:a exists"}],
            "compatibilities": ["EXTERNAL", "EC2"],
            "registeredAt": NOON,
            "registeredBy": ACTOR,
        }
        assert await asker.ask("DescribeTaskDefinition", taskDefinition="web", include=["TAGS"]) == answer
        assert (await asker.ask("DescribeTaskDefinition", taskDefinition="web:1"))["tags"] == []


async def test_a_revision_goes_from_active_to_inactive_to_deletion_to_nothing() -> None:
    async with asking() as asker:
        await asker.furnish()
        await asker.define("app")
        await asker.ask("StartTask", taskDefinition="app:1", containerInstances=[await asker.join()])
        asker.clock.time += 1
        answer = await asker.ask("DeregisterTaskDefinition", taskDefinition="app:1")
        assert (answer["taskDefinition"]["status"], answer["taskDefinition"]["deregisteredAt"]) == (
            "INACTIVE",
            NOON + 1,
        )
        answer = await asker.ask("DeleteTaskDefinitions", taskDefinitions=["app:1", "app:2", "app:3"])
        (deleted,) = answer["taskDefinitions"]
        assert (deleted["status"], deleted["deleteRequestedAt"]) == ("DELETE_IN_PROGRESS", NOON + 1)
        assert [each["arn"] for each in answer["failures"]] == [
            ARN + "task-definition/app:2",
            ARN + "task-definition/app:3",
        ]
        listed = await asker.ask("ListTaskDefinitions", status="DELETE_IN_PROGRESS")
        assert listed["taskDefinitionArns"] == [ARN + "task-definition/app:1"]
        described = await asker.ask("DescribeTaskDefinition", taskDefinition="app:1")
        assert described["taskDefinition"]["status"] == "DELETE_IN_PROGRESS", "a task has it"
        await asker.ask("StopTask", task=(await asker.tasks())[0])
        await asker.run_all()
        asker.clock.time += 3700
        await asker.ask("StopTask", task=(await asker.ask("RunTask", taskDefinition="app:2"))["tasks"][0]["taskArn"])
        await asker.run_all()
        asker.clock.time += 31

        async def look() -> tuple[str, str] | None:
            try:
                return await asker.refusal("DescribeTaskDefinition", taskDefinition="app:1")
            except AssertionError:
                return None

        await asker.until(look, NOT_THERE)


async def test_families_and_revisions_are_listed_by_status() -> None:
    async with asking() as asker:
        for family in ("app", "app", "apple", "old"):
            await asker.define(family)
        await asker.ask("DeregisterTaskDefinition", taskDefinition="old:1")

        async def families(**members: object) -> object:
            return (await asker.ask("ListTaskDefinitionFamilies", **members))["families"]

        assert await families() == ["app", "apple", "old"]
        assert await families(status="ACTIVE", familyPrefix="app") == ["app", "apple"]
        assert await families(status="INACTIVE") == ["old"]
        first = await asker.ask("ListTaskDefinitions", familyPrefix="app", sort="DESC", maxResults=1)
        assert first["taskDefinitionArns"] == [ARN + "task-definition/app:2"]
        rest = await asker.ask(
            "ListTaskDefinitions", familyPrefix="app", sort="DESC", maxResults=1, nextToken=first["nextToken"]
        )
        assert rest == {"taskDefinitionArns": [ARN + "task-definition/app:1"]}


async def test_what_is_not_there_or_not_said_is_refused() -> None:
    async with asking() as asker:
        await asker.define("old")
        await asker.ask("DeregisterTaskDefinition", taskDefinition="old:1")
        assert await asker.refusal("DescribeTaskDefinition", taskDefinition="zz") == NOT_THERE
        assert await asker.refusal("DescribeTaskDefinition", taskDefinition="old") == NOT_THERE, "none is ACTIVE"
        assert await asker.refusal("DescribeTaskDefinition", taskDefinition="old:1", include=["X"]) == (
            "InvalidParameterException",
            "include should be one of [TAGS]",
        )
