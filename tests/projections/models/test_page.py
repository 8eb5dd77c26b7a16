"""Pages of lists."""

import pytest

from quarterdeck.projections.models.page import InvalidPage, Listed, Page, listed


def test_the_last_page_has_no_next() -> None:
    assert listed([(7, "a"), (9, "b")], 2) == Listed(["a", "b"], None)


def test_a_page_ends_at_the_place_of_its_last_item() -> None:
    assert listed([(7, "a"), (9, "b"), (11, "c")], 2) == Listed(["a", "b"], "9")


def test_nothing_is_a_page_too() -> None:
    assert listed([], 2) == Listed([], None)


def test_a_first_page_begins_before_everything() -> None:
    assert (Page(10).number(), Page(10, "12").number()) == (0, 12)


@pytest.mark.parametrize("place", ["twelve", "-1", "9" * 20, "9" * 5_000])
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(InvalidPage):
        Page(10, place).number()
