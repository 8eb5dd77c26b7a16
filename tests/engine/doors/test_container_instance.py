"""Container instances at the door: a registration that is tried again."""

from __future__ import annotations

from typing import Any

from tests.engine.doors.asking import ROOM, Asker, asking


async def register(asker: Asker, **members: Any) -> str:
    answer = await asker.ask("RegisterContainerInstance", totalResources=ROOM, **members)
    return str(answer["containerInstance"]["containerInstanceArn"])


async def test_a_registration_tried_again_makes_no_second_instance() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster")
        first = await register(asker, clientToken="series-1")
        assert await register(asker, clientToken="series-1") == first
        assert await register(asker, clientToken="series-2") != first
        assert await register(asker) != await register(asker)
        assert len((await asker.ask("ListContainerInstances"))["containerInstanceArns"]) == 4


async def test_a_token_is_for_one_registration() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster")
        await register(asker, clientToken="series-1")
        other = {"totalResources": ROOM, "tags": [{"key": "a", "value": "b"}], "clientToken": "series-1"}
        assert (await asker.refusal("RegisterContainerInstance", **other))[0] == "ConflictException"
        assert await asker.refusal("RegisterContainerInstance", totalResources=ROOM, clientToken="x" * 65) == (
            "InvalidParameterException",
            "idempotency token longer than 64.",
        )


async def test_a_registration_tried_again_in_a_cluster_made_anew_is_inactive() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster")
        arn = await register(asker, clientToken="series-1")
        await asker.ask("DeregisterContainerInstance", containerInstance=arn)
        await asker.ask("DeleteCluster", cluster="default")
        await asker.ask("CreateCluster")
        refused = await asker.refusal("RegisterContainerInstance", totalResources=ROOM, clientToken="series-1")
        assert refused == ("ClientException", f"Container instance {arn.rsplit('/', 1)[1]} is inactive.")
