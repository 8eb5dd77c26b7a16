"""The catalog: every event has a noun, a subject, and a sample of each version that decodes for ever.

A new type needs its sample: write one event, all members filled, to tests/golden/<Type>.v<VERSION>.json.
A sample is never changed: it is what stands in somebody's log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from quarterdeck.events.catalog import EVENT_TYPES, AnyEvent, noun, subject
from quarterdeck.events.codec import VERSION, upcast
from quarterdeck.events.commit import Commit
from quarterdeck.events.nouns import NOUNS
from tests.engine.core import story

GOLDEN = Path(__file__).parent.parent / "golden"
SAMPLES = sorted(GOLDEN.glob("*.json"))
LATEST = sorted(GOLDEN.glob(f"*.v{VERSION}.json"))


def plain(sample: Path) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(sample.read_bytes())
    return decoded


def read(sample: Path) -> AnyEvent:
    """Read a sample as it would be read from the log."""
    version = int(sample.suffixes[0].removeprefix(".v"))
    whole = msgspec.to_builtins(
        Commit(id="1.1", at=0.0, namespace=story.NAMESPACE, actor="a", operation="o", events=[])
    )
    commit = msgspec.convert(upcast({**whole, "events": [plain(sample)]}, version), Commit)
    (event,) = commit.events
    return event


def test_every_event_type_has_a_sample() -> None:
    assert {sample.name for sample in LATEST} == {f"{name}.v{VERSION}.json" for name in EVENT_TYPES}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_decodes_for_ever(sample: Path) -> None:
    event = read(sample)
    assert type(event).__name__ in EVENT_TYPES


@pytest.mark.parametrize("sample", LATEST, ids=lambda sample: sample.name)
def test_nothing_of_a_sample_is_dropped(sample: Path) -> None:
    """Also shows that members keep their names: what is read is written again as it was."""
    assert msgspec.json.decode(msgspec.json.encode(read(sample))) == plain(sample)


@pytest.mark.parametrize("sample", LATEST, ids=lambda sample: sample.name)
def test_a_sample_fills_every_member_so_that_none_can_be_renamed_unnoticed(sample: Path) -> None:
    event = read(sample)
    members = {field.encode_name for field in msgspec.structs.fields(event)}
    assert set(plain(sample)) - {"type"} == members


@pytest.mark.parametrize("sample", LATEST, ids=lambda sample: sample.name)
def test_every_event_is_about_something_with_a_name(sample: Path) -> None:
    event = read(sample)
    assert noun(event) in NOUNS
    assert subject(event)
    assert event.__struct_config__.tag == type(event).__name__
    assert event.__struct_config__.frozen


def test_the_subject_is_what_the_noun_is_named_by() -> None:
    assert subject(story.defined("app:3")) == "app:3"
    assert subject(story.stopped("t1")) == "t1"
    assert subject(story.created("web")[0]) == "web"
    assert subject(story.joined("a1")[0]) == "a1"
