"""The generated shapes are the model's, and speak AWS's spelling."""

from __future__ import annotations

import inspect

import msgspec
import pytest

from quarterdeck.events import shapes
from tools import generate_shapes

MODEL = generate_shapes.load()


def test_the_committed_file_is_what_the_model_gives() -> None:
    # Not compared with ==, whose report of two files of 3,000 lines takes minutes.
    same = generate_shapes.render(MODEL) == generate_shapes.TARGET.read_text()
    assert same, "run: python -m tools.generate_shapes"


def test_every_operation_of_the_model_is_there() -> None:
    assert set(shapes.OPERATIONS) == set(MODEL["operations"])
    assert shapes.OPERATIONS["RunTask"] == (shapes.RunTaskRequest, shapes.RunTaskResponse)


def test_errors_say_whose_fault_they_are() -> None:
    assert shapes.ERRORS["ClusterNotFoundException"] == "client"
    assert shapes.ERRORS["ServerException"] == "server"
    assert set(shapes.ERRORS) == {name for name, shape in MODEL["shapes"].items() if shape.get("exception")}


def test_enumerations_hold_the_values_of_the_model() -> None:
    assert shapes.ENUMS["LaunchType"] == ("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")


@pytest.mark.parametrize(
    ("wire", "shape"),
    [
        (
            b'{"cluster":"web","count":2,"enableECSManagedTags":true,"taskDefinition":"job:1"}',
            shapes.RunTaskRequest(cluster="web", count=2, enable_ecs_managed_tags=True, task_definition="job:1"),
        ),
        (b'{"ec2InstanceId":"i-1"}', shapes.ContainerInstance(ec2_instance_id="i-1")),
        (b'{"sizeInGiB":30}', shapes.EphemeralStorage(size_in_gi_b=30)),
        (b'{"bindIP":"0.0.0.0","hostPort":80}', shapes.NetworkBinding(bind_ip="0.0.0.0", host_port=80)),
        (
            b'{"name":"web","dockerLabels":{"a":"b"}}',
            shapes.ContainerDefinition(name="web", docker_labels={"a": "b"}),
        ),
        (
            b'{"tasks":[{"createdAt":1.5,"version":3}]}',
            shapes.DescribeTasksResponse(tasks=[shapes.Task(created_at=1.5, version=3)]),
        ),
    ],
)
def test_json_is_spelled_as_aws_spells_it(wire: bytes, shape: shapes.Shape) -> None:
    assert msgspec.json.decode(wire, type=type(shape)) == shape
    assert msgspec.json.decode(msgspec.json.encode(shape)) == msgspec.json.decode(wire)


@pytest.mark.parametrize("operation", sorted(shapes.OPERATIONS))
def test_every_shape_of_an_operation_decodes(operation: str) -> None:
    """Also shows that every annotation can be resolved: a decoder is built for the whole tree."""
    for shape in shapes.OPERATIONS[operation]:
        assert msgspec.json.encode(msgspec.json.decode(b"{}", type=shape)) == b"{}"


def test_wire_names_are_exactly_the_members_of_the_model_and_what_our_agents_report_beside_them() -> None:
    for name, shape in inspect.getmembers(shapes, lambda thing: isinstance(thing, type)):
        if name in MODEL["shapes"]:
            wire = {field.encode_name for field in msgspec.structs.fields(shape)}
            assert wire == set(MODEL["shapes"][name]["members"]) | set(generate_shapes.OURS.get(name, {})), name


def test_null_is_not_supplied() -> None:
    assert msgspec.json.decode(b'{"count":null}', type=shapes.RunTaskRequest).count is None


def test_a_wrong_type_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int \| null`, got `bool` - at `\$.count`"):
        msgspec.json.decode(b'{"count":true}', type=shapes.RunTaskRequest)
