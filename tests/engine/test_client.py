"""The generated client is what the shapes give, and turns keywords into requests."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from botocore import xform_name

from quarterdeck.engine import caller
from quarterdeck.engine.client import Client
from quarterdeck.engine.core.errors import ClusterNotFoundException, Refusal, SerializationException
from quarterdeck.events import operations, shapes
from tools import generate_client


class Recorder(Client):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, msgspec.Struct]] = []

    async def call(self, operation: str, request: msgspec.Struct, answer: type[Any], *, token: str = "") -> Any:
        self.asked.append((operation, request))
        return answer()


def test_the_committed_file_is_what_the_shapes_give() -> None:
    assert generate_client.render() == generate_client.TARGET.read_text(), "run: python -m tools.generate_client"


def test_every_operation_has_its_coroutine() -> None:
    for operation in operations.ALL:
        assert callable(getattr(Client, xform_name(operation)))


async def test_keywords_become_members() -> None:
    client = Recorder()
    answer = await client.run_task(cluster="web", task_definition="job:1", count=2, enable_ecs_managed_tags=True)
    assert answer == shapes.RunTaskResponse()
    request = shapes.RunTaskRequest(cluster="web", task_definition="job:1", count=2, enable_ecs_managed_tags=True)
    assert client.asked == [("RunTask", request)]


async def test_structures_may_be_structs_or_documents_in_aws_spelling() -> None:
    client = Recorder()
    await client.tag_resource(resource_arn="a", tags=[shapes.Tag(key="a"), {"key": "b", "value": "c"}])
    tags = [shapes.Tag(key="a"), shapes.Tag(key="b", value="c")]
    assert client.asked == [("TagResource", shapes.TagResourceRequest(resource_arn="a", tags=tags))]


async def test_a_wrong_type_is_refused_before_anything_is_sent() -> None:
    client = Recorder()
    with pytest.raises(SerializationException, match=r"RunTask: Expected `int \| null`, got `str` - at `\$.count`"):
        await client.run_task(count="2")  # type: ignore[arg-type]  # that is the point
    assert client.asked == []


async def test_a_nested_member_nobody_knows_is_refused_with_its_path_before_anything_is_sent() -> None:
    client = Recorder()
    mistaken = {"name": "web", "portMappings": [{"containerPort": 80}, {"container_port": 81}]}
    where = r"container_definitions\[1\]\.portMappings\[1\]\.container_port"
    told = rf"^RegisterTaskDefinition: {where}: unknown member, did you mean containerPort\?$"
    with pytest.raises(SerializationException, match=told):
        await client.register_task_definition(family="web", container_definitions=[{"name": "a"}, mistaken])
    with pytest.raises(SerializationException, match=r"tags\[0\]\.x: unknown member, known are key, value\.$"):
        await client.tag_resource(resource_arn="a", tags=({"x": "a"},))
    with pytest.raises(SerializationException, match=r"containerOverrides\[0\]\.enviroment: .* environment\?$"):
        await client.run_task(overrides={"containerOverrides": [{"name": "a", "enviroment": []}]})
    assert client.asked == []


async def test_maps_and_documents_without_a_model_take_any_names() -> None:
    client = Recorder()
    hook = {"hookTargetArn": "nats:a", "hookDetails": {"my_key": 1}}
    await client.create_service(deployment_configuration={"lifecycleHooks": [hook]})
    web = {"name": "web", "dockerLabels": {"my.label_a": "1"}, "environment": [shapes.KeyValuePair(name="a")]}
    await client.register_task_definition(container_definitions=[web])
    assert [operation for operation, _ in client.asked] == ["CreateService", "RegisterTaskDefinition"]


def test_a_code_becomes_the_error_the_engine_would_raise() -> None:
    known = caller.refusal("ClusterNotFoundException", "Cluster not found.")
    assert isinstance(known, ClusterNotFoundException)
    new = caller.refusal("BlockedException", "Not for you.")
    assert isinstance(new, Refusal)
    assert (new.code, new.message) == ("BlockedException", "Not for you.")
