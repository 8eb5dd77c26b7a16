"""Tags: what may be one (spec §2.4)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.core.tags import checked_tags, managed_tags
from quarterdeck.events.shapes import Tag


def test_the_last_value_of_a_key_wins() -> None:
    given = [Tag(key="a", value="1"), Tag(key="b", value=""), Tag(key="a", value="2")]
    assert checked_tags(given) == [Tag(key="a", value="2"), Tag(key="b", value="")]


def test_keys_differ_by_case_and_may_be_of_any_script() -> None:
    given = [Tag(key="A", value="Größe 1"), Tag(key="a", value="値_.:/=+-@")]
    assert checked_tags(given) == given


def test_fifty_tags_are_allowed() -> None:
    assert len(checked_tags([Tag(key=f"k{number}", value="") for number in range(50)])) == 50


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([Tag(key=f"k{number}", value="") for number in range(51)], "Too many tags: 51. At most 50 are allowed."),
        ([Tag(key="k")], "Invalid tag 'k': its value may be empty, but not left out."),
        ([Tag(key="", value="x")], "Invalid tag '': keys have 1 to 128 characters, values up to 256."),
        ([Tag(key="k", value="x" * 257)], "Invalid tag 'k': keys have 1 to 128 characters, values up to 256."),
        ([Tag(key="AWS:x", value="x")], "Invalid tag 'AWS:x': the prefix aws: is reserved."),
        ([Tag(key="x", value="aws:x")], "Invalid tag 'x': the prefix aws: is reserved."),
        ([Tag(key="a,b", value="x")], "Invalid tag 'a,b': it has characters that are not allowed in tags."),
    ],
)
def test_what_can_be_no_tag_is_refused(tags: list[Tag], message: str) -> None:
    with pytest.raises(InvalidParameterException) as refusal:
        checked_tags(tags)
    assert refusal.value.message == message


def test_ecs_names_cluster_and_service_in_its_own_tags() -> None:
    assert managed_tags("prod") == [Tag(key="aws:ecs:clusterName", value="prod")]
    assert managed_tags("prod", "web")[1:] == [Tag(key="aws:ecs:serviceName", value="web")]
