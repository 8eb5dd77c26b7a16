"""Pattern: what matches, what is refused; and never slowly."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.engine.core.pattern import BadPattern, Pattern

ATOMS = ("a", "b", ".", r"\d", r"\w", "[ab]", "[^a]", "[a-c0]", r"\.", "^", "$")


def rows(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeated = st.tuples(inner, st.sampled_from(["", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?"]))
    row = st.lists(
        repeated.map(lambda pair: pair[0] + (pair[1] if pair[0] not in "^$" else "")), min_size=1, max_size=3
    )
    either = st.lists(row.map("".join), min_size=1, max_size=2)
    return either.map(lambda parts: f"({'|'.join(parts)})")


patterns = st.recursive(st.sampled_from(ATOMS), rows, max_leaves=6)


@given(patterns, st.lists(st.text("abc01.", max_size=6), min_size=1, max_size=8))
@settings(max_examples=400)
def test_it_agrees_with_pythons_own_matcher(pattern: str, values: list[str]) -> None:
    for value in values:
        assert Pattern(pattern).matches(value) is (re.fullmatch(pattern, value) is not None), (pattern, value)


@pytest.mark.parametrize(
    ("pattern", "value", "same"),
    [
        ("g2.*", "g2.2xlarge", True),
        ("t2.*", "m5.large", False),
        ("g2", "g2.2xlarge", False),
        ("(m5|c5)\\.large", "c5.large", True),
        ("(?i)PROD", "prod", True),
        ("(?i)[A-F]+", "beef", True),
        ("(?:a|b){2,3}", "abab", False),
        ("", "", True),
        ("a{0}", "", True),
        ("[]x]", "]", True),
        ("[a-]", "-", True),
    ],
)
def test_a_pattern_matches_whole_values(pattern: str, value: str, *, same: bool) -> None:
    assert Pattern(pattern).matches(value) is same


@pytest.mark.parametrize(
    ("pattern", "words", "at"),
    [
        ("a)", "')' closes nothing", 1),
        ("(a", "( is not closed", 0),
        ("[a", "[ is not closed", 0),
        ("*a", "* has nothing to repeat", 0),
        ("a**", "a quantifier stands behind another", 2),
        ("a++", "possessive quantifiers are not supported", 2),
        ("a{2,1}", "{n,m} must go up, and to 1000 at most", 1),
        ("a{5000}", "{n,m} must go up, and to 1000 at most", 1),
        ("a{x}", "{ must be followed by {n}, {n,} or {n,m}", 1),
        ("a{2", "} is missing", 1),
        ("(?=a)", "groups that begin with (? are not supported, but for (?:", 0),
        ("(a)\\1", "\\1 is not supported", 3),
        ("\\bx", "\\b is not supported", 0),
        ("a\\", "\\ stands at the end", 1),
        ("[b-a]", "a range must go up", 3),
        ("[a[b]]", "a set inside a set is not supported", 2),
        ("((a{100}){100}){100}", "the pattern is too large", 0),
        ("(" * 60 + "a" + ")" * 60, "more than 50 groups inside one another", 50),
    ],
)
def test_what_is_no_pattern_is_refused_with_its_place(pattern: str, words: str, at: int) -> None:
    with pytest.raises(BadPattern) as refused:
        Pattern(pattern)
    assert (str(refused.value), refused.value.at) == (words, at)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("pattern", ["(a+)+b", "(a*)*b", "(a|a)*b", ".*.*.*.*.*.*.*x", "(.*)(.*)(.*)(.*)y"])
def test_no_pattern_takes_long_whatever_the_value(pattern: str) -> None:
    assert not Pattern(pattern).matches("a" * 128)
