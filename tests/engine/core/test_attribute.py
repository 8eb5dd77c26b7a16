"""Attributes: what instances are given, what they may be given, and where tasks go by them (spec §4.4)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import attribute, task
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import (
    AttributesDeleted,
    AttributesPut,
    ContainerInstanceDeregistered,
)
from tests.engine.core.story import ARN, defined, given, joined

PUT = shapes.PutAttributesRequest
DELETE = shapes.DeleteAttributesRequest
INVALID = "InvalidParameterException"


def of(
    name: str, value: str | None = None, target: str = "a1", kind: str | None = "container-instance"
) -> shapes.Attribute:
    return shapes.Attribute(name=name, value=value, target_type=kind, target_id=target)


def told(name: str, value: str | None = None, target: str = "a1") -> shapes.Attribute:
    return shapes.Attribute(name=name, value=value, target_id=f"{ARN}container-instance/default/{target}")


def test_attributes_are_put_by_short_id_and_type_or_by_arn() -> None:
    arn = ARN + "container-instance/default/a1"
    for asked in (of("rack", "r1"), of("rack", "r1", arn, None), of("rack", "r1", arn)):
        story = given(joined("a1"))
        assert story.when(attribute.put, PUT(attributes=[asked])) == [
            AttributesPut(
                cluster="default", container_instance="a1", attributes=[shapes.Attribute(name="rack", value="r1")]
            )
        ]
        assert story.answer == [told("rack", "r1")]
        assert story.cluster().instances["a1"].attributes == {"rack": "r1"}


def test_one_call_may_be_about_several_instances() -> None:
    story = given(joined("a1"), joined("b1", "b"))
    request = PUT(attributes=[of("rack", "r1"), of("disk", target="b1"), of("gpu", target="a1")])
    first, second = story.when(attribute.put, request)
    assert isinstance(first, AttributesPut)
    assert isinstance(second, AttributesPut)
    assert [each.name for each in first.attributes] == ["rack", "gpu"]
    assert [each.name for each in second.attributes] == ["disk"]
    assert story.answer == [told("rack", "r1"), told("gpu"), told("disk", target="b1")]


def test_a_name_that_is_there_gets_another_value_and_the_same_changes_nothing() -> None:
    story = given(joined("a1", attributes={"rack": "r1"}))
    assert story.when(attribute.put, PUT(attributes=[of("rack", "r1")])) == []
    assert len(story.when(attribute.put, PUT(attributes=[of("rack", "r2")]))) == 1
    assert story.cluster().instances["a1"].attributes == {"rack": "r2"}
    assert story.cluster().instances["a1"].version == 3


def test_an_attribute_lets_a_task_in_that_asks_for_it() -> None:
    story = given(defined(needs=("fast-disk",)), joined("a1"))
    run = shapes.RunTaskRequest(task_definition="app")
    story.when(task.run, run)
    assert [each.reason for each in story.answer] == ["ATTRIBUTE"]
    story.when(attribute.put, PUT(attributes=[of("fast-disk")]))
    assert len(story.when(task.run, run)) == 2, "requested and placed"
    story.when(attribute.delete, DELETE(attributes=[of("fast-disk")]))
    story.when(task.run, run)
    assert [each.reason for each in story.answer] == ["ATTRIBUTE"]
    assert len(story.on("a1")) == 1, "what runs stays"


def test_an_instance_has_at_most_ten_custom_attributes() -> None:
    ten = {f"k{number}": "v" for number in range(10)}
    story = given(joined("a1", attributes={**ten, "ecs.os-type": "linux"}), joined("b1", "b"))
    request = PUT(attributes=[of("fine", target="b1"), of("k10")])
    assert story.refusal(attribute.put, request)[0] == "AttributeLimitExceededException"
    assert story.when(attribute.put, PUT(attributes=[of("k9", "other")])), "one that is there may change"


def test_attributes_are_deleted_with_or_without_their_value() -> None:
    story = given(joined("a1", attributes={"rack": "r1", "disk": "ssd", "gpu": ""}))
    request = DELETE(attributes=[of("rack"), of("disk", "hdd"), of("gpu"), of("never")])
    assert story.when(attribute.delete, request) == [
        AttributesDeleted(cluster="default", container_instance="a1", names=["rack", "gpu"])
    ]
    assert story.cluster().instances["a1"].attributes == {"disk": "ssd"}
    assert story.when(attribute.delete, DELETE(attributes=[of("rack")])) == []
    assert story.when(attribute.delete, DELETE(attributes=[of("disk", "ssd")])) != []


@pytest.mark.parametrize(
    ("attributes", "code", "message"),
    [
        ([], INVALID, "attributes can not be empty"),
        ([of(f"k{number}") for number in range(11)], INVALID, "The number of attributes must be from 1 to 10, not 11."),
        ([of("")], INVALID, "Attribute names must have"),
        ([of("a b")], INVALID, "Attribute names must have"),
        ([of("a" * 129)], INVALID, "Attribute names must have"),
        ([of("a", " b")], INVALID, "Attribute values must have"),
        ([of("a", "b ")], INVALID, "Attribute values must have"),
        ([of("a", "b" * 129)], INVALID, "Attribute values must have"),
        ([of("a", "ü")], INVALID, "Attribute values must have"),
        ([of("ecs.os-type", "linux")], INVALID, "The attribute ecs.os-type belongs to ECS"),
        ([of("com.amazonaws.ecs.capability.x")], INVALID, "The attribute com.amazonaws.ecs.capability.x belongs"),
        ([of("a", kind="task")], INVALID, "targetType must be container-instance"),
        ([of("a", target="")], INVALID, "targetId can not be blank."),
        ([of("a", kind=None)], INVALID, "targetType must be given"),
        ([of("a", target="never")], "TargetNotFoundException", "The container instance never was not found."),
        ([of("a", target="gone")], "TargetNotFoundException", "The container instance gone was not found."),
        ([of("fine"), of("a", target="never")], "TargetNotFoundException", "The container instance never"),
        ([of("a", target=ARN + "container-instance/other/a1")], INVALID, "Invalid identifier"),
        ([of("a", target=ARN + "task/default/a1")], INVALID, "Invalid identifier"),
    ],
)
def test_what_can_be_no_attribute_is_refused(attributes: list[shapes.Attribute], code: str, message: str) -> None:
    story = given(joined("a1"), joined("gone", connected=False))
    story.given(ContainerInstanceDeregistered(cluster="default", container_instance="gone"))
    for decide, request in (
        (attribute.put, PUT(attributes=attributes)),
        (attribute.delete, DELETE(attributes=attributes)),
    ):
        found = story.refusal(decide, request)
        assert found[0] == code
        assert found[1].startswith(message)


def test_a_value_may_have_a_single_character_or_spaces_inside() -> None:
    assert given(joined("a1")).when(attribute.put, PUT(attributes=[of("a", "x"), of("b", "x y:z@1\\2")]))
