"""DescribeTaskDefinition, ListTaskDefinitions and ListTaskDefinitionFamilies."""

import json

import msgspec
import pytest

from quarterdeck.events import shapes
from quarterdeck.events.task_definition import TaskDefinitionDeregistered
from quarterdeck.projections.models.page import InvalidPage, Page
from tests.projections.models.examples import IRELAND, START, WEB, Recorder, defined

REGISTERED = """
{"taskDefinitionArn":"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1",
 "containerDefinitions":[{"name":"web","image":"nginx","cpu":10,"memory":300,
   "portMappings":[{"containerPort":80,"hostPort":8080,"protocol":"tcp"}],
   "essential":true,"environment":[],"mountPoints":[],"volumesFrom":[],"systemControls":[]}],
 "family":"web","revision":1,"volumes":[],"status":"ACTIVE","placementConstraints":[],
 "compatibilities":["EXTERNAL","EC2"],"registeredAt":1700600000.0,"registeredBy":"arn:aws:iam::123456789012:user/dev"}
"""
"""Appendix B.8."""


@pytest.fixture
async def defining(empty: Recorder) -> Recorder:
    """Revisions 1 to 11 of web, of which 2 and 11 are INACTIVE; one of api; an INACTIVE one of old."""
    await empty.record(*(defined("web", number) for number in range(1, 12)), defined("api", 1), defined("old", 1))
    gone = [("web", 2), ("web", 11), ("old", 1)]
    await empty.record(*(TaskDefinitionDeregistered(family=family, revision=number) for family, number in gone))
    return empty


async def listed(defining: Recorder, **options: object) -> list[str]:
    found = await defining.models.task_definitions.list(IRELAND, Page(100), **options)  # type: ignore[arg-type]
    return [each.rpartition("/")[2] for each in found.items]


async def test_a_definition_is_described_as_ecs_does(empty: Recorder) -> None:
    await empty.record(defined("web", 1), at=START, actor="arn:aws:iam::123456789012:user/dev")
    found = await empty.models.task_definitions.describe(IRELAND, "web", 1)
    assert found is not None
    assert json.loads(msgspec.json.encode(found[0])) == json.loads(REGISTERED)
    assert found[1] == [shapes.Tag(key="tier", value="front")]


async def test_who_and_when_are_the_definitions_own_if_it_says_so(empty: Recorder) -> None:
    own = msgspec.structs.replace(WEB, registered_at=1.0, registered_by="me")
    await empty.record(defined("web", 1, own))
    found = await empty.models.task_definitions.describe(IRELAND, "web", 1)
    assert found is not None
    assert (found[0].registered_at, found[0].registered_by) == (1.0, "me")


async def test_a_family_alone_means_its_latest_active_revision(defining: Recorder) -> None:
    found = await defining.models.task_definitions.describe(IRELAND, "web")
    assert found is not None
    assert found[0].revision == 10


async def test_an_inactive_revision_is_described_when_named(defining: Recorder) -> None:
    found = await defining.models.task_definitions.describe(IRELAND, "web", 11)
    assert found is not None
    assert (found[0].status, found[0].deregistered_at) == ("INACTIVE", START + 20)


async def test_what_is_not_there_is_none(defining: Recorder) -> None:
    assert await defining.models.task_definitions.describe(IRELAND, "old") is None
    assert await defining.models.task_definitions.describe(IRELAND, "web", 12) is None


async def test_definitions_are_listed_by_family_then_by_revision_as_a_number(defining: Recorder) -> None:
    told = ["api:1", *(f"web:{number}" for number in (1, 3, 4, 5, 6, 7, 8, 9, 10))]
    assert await listed(defining) == told
    assert await listed(defining, descending=True) == told[::-1]
    assert await listed(defining, status="INACTIVE") == ["old:1", "web:2", "web:11"]


async def test_a_family_is_matched_whole(defining: Recorder) -> None:
    assert await listed(defining, family="api") == ["api:1"]
    assert await listed(defining, family="ap") == []
    assert await listed(defining, family="web", status="INACTIVE", descending=True) == ["web:11", "web:2"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("family", [None, "web"])
async def test_pages_go_on_where_the_last_one_ended(
    defining: Recorder, family: str | None, *, descending: bool
) -> None:
    whole = await listed(defining, family=family, descending=descending)
    told: list[str] = []
    after = None
    while len(told) < len(whole):
        page = await defining.models.task_definitions.list(
            IRELAND, Page(3, after), family=family, descending=descending
        )
        told += [each.rpartition("/")[2] for each in page.items]
        after = page.after
    assert told == whole
    assert after is None


async def test_a_place_no_page_ended_at_is_refused(defining: Recorder) -> None:
    with pytest.raises(InvalidPage):
        await defining.models.task_definitions.list(IRELAND, Page(3, "web"))


@pytest.mark.parametrize(
    ("prefix", "status", "told"),
    [
        ("", "ALL", ["api", "old", "web"]),
        ("", "ACTIVE", ["api", "web"]),
        ("", "INACTIVE", ["old"]),
        ("w", "ALL", ["web"]),
        ("web", "ACTIVE", ["web"]),
        ("webs", "ALL", []),
        ("W", "ALL", []),
    ],
)
async def test_families_are_found_by_prefix_and_status(
    defining: Recorder, prefix: str, status: str, told: list[str]
) -> None:
    found = await defining.models.task_definitions.families(IRELAND, Page(10), prefix=prefix, status=status)
    assert found.items == told


async def test_families_come_in_pages(defining: Recorder) -> None:
    first = await defining.models.task_definitions.families(IRELAND, Page(2))
    rest = await defining.models.task_definitions.families(IRELAND, Page(2, first.after))
    assert (first.items, rest.items, rest.after) == (["api", "old"], ["web"], None)
