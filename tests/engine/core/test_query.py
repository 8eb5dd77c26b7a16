"""Query: the cluster query language (spec §8.3): what is understood, how it is written, what is refused and where."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.engine.core.query import (
    OPERATORS,
    And,
    Expression,
    Not,
    Or,
    Simple,
    parse,
    subjects,
    written,
)
from quarterdeck.engine.core.query_tokens import Malformed

EXAMPLES = (
    "attribute:ecs.instance-type == t2.small",
    "attribute:ecs.availability-zone in [us-east-1a, us-east-1b]",
    "attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d",
    "task:group == service:production",
    "not(task:group == database)",
    "runningTasksCount == 1",
    "agentVersion < 1.14.5",
    "registeredAt < 2018-02-13",
    "attribute:stack exists",
)

texts = st.text(st.characters(blacklist_characters="'", blacklist_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["and", "or", "not", "in", "a b", "[x]", "it's", "(", "!"]
)
attributes = st.text("abcXYZ019_./\\-", min_size=1, max_size=8).map(lambda name: f"attribute:{name}")
comparing = st.sampled_from(["==", "!=", ">", ">=", "<", "<="])
equal = st.sampled_from(["==", "!="])
simple = st.one_of(
    st.builds(Simple, attributes, comparing, st.tuples(texts)),
    st.builds(Simple, attributes, st.sampled_from(["exists", "!exists"])),
    st.builds(
        Simple,
        attributes | st.sampled_from(["task:group", "ec2InstanceId"]),
        st.sampled_from(["in", "!in"]),
        st.lists(texts, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Simple,
        attributes,
        st.sampled_from(["=~", "!~"]),
        st.tuples(st.sampled_from(["g2.*", "(a|b)+", "[x y]", r"\d\.", "a,b"])),
    ),
    st.builds(Simple, st.just("runningTasksCount"), comparing, st.tuples(st.integers(0, 99).map(str))),
    st.builds(Simple, st.just("agentConnected"), equal, st.tuples(st.sampled_from(["true", "false"]))),
    st.builds(Simple, st.just("agentVersion"), comparing, st.tuples(st.sampled_from(["1.14.5", "1.9"]))),
    st.builds(
        Simple,
        st.just("registeredAt"),
        comparing,
        st.tuples(st.sampled_from(["2018-02-13", "2018-06-18T22:28:28+00:00"])),
    ),
)


def of(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    """Rows of one kind hold no row of that kind: their terms would be read as its own."""

    def row(kind: type[And | Or]) -> st.SearchStrategy[Expression]:
        terms = inner.filter(lambda each: not isinstance(each, kind))
        return st.lists(terms, min_size=2, max_size=3).map(lambda each: kind(tuple(each)))

    return st.builds(Not, inner) | row(And) | row(Or)


expressions = st.recursive(simple, of, max_leaves=8)


@given(expressions)
def test_what_is_written_is_understood_as_the_same(expression: Expression) -> None:
    assert parse(written(expression)) == expression


@pytest.mark.parametrize("text", EXAMPLES)
def test_amazons_examples_are_understood(text: str) -> None:
    assert parse(written(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("attribute:a equals b", "attribute:a == b"),
        ("attribute:a not_equals b", "attribute:a != b"),
        ("attribute:a greater_than 1", "attribute:a > 1"),
        ("attribute:a greater_than_equal 1", "attribute:a >= 1"),
        ("attribute:a less_than 1", "attribute:a < 1"),
        ("attribute:a less_than_equal 1", "attribute:a <= 1"),
        ("attribute:a matches b.*", "attribute:a =~ b.*"),
        ("attribute:a not_matches b.*", "attribute:a !~ b.*"),
        ("attribute:a not_in [b,c]", "attribute:a !in [b, c]"),
        ("attribute:a not_exists", "attribute:a !exists"),
        ("attribute:a EXISTS AND attribute:b Exists", "attribute:a exists && attribute:b exists"),
        ("attribute:a exists OR NOT attribute:b exists", "attribute:a exists || !attribute:b exists"),
        ("attribute:a==b&&attribute:c=='d'", 'attribute:a == "b" and attribute:c == d'),
        ("((attribute:a exists))", "attribute:a exists"),
        ("not attribute:a exists and attribute:b exists", "(not attribute:a exists) and attribute:b exists"),
        (
            "attribute:a exists or attribute:b exists and attribute:c exists",
            "attribute:a exists or (attribute:b exists and attribute:c exists)",
        ),
        ("(attribute:a =~ (x|y)z)", "attribute:a =~ '(x|y)z'"),
        ("attribute:a =~ [ab],c", "attribute:a =~ '[ab],c'"),
        ("attribute:and == or", "attribute:and == 'or'"),
    ],
)
def test_what_means_the_same_is_the_same(one: str, other: str) -> None:
    assert parse(one) == parse(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a subject, found the end (at character 1)"),
        ("   ", "expected a subject, found the end (at character 4)"),
        ("attribute:a", "expected an operator, found the end (at character 12)"),
        ("attribute:a ==", "expected a value, found the end (at character 15)"),
        ("attribute:a == [b]", "expected a value, found '[b]' (at character 16)"),
        ("attribute:a is b", "expected an operator, found 'is b' (at character 13)"),
        ("attribute:a in b", "expected '[', found 'b' (at character 16)"),
        ("attribute:a in []", "expected a value, found ']' (at character 17)"),
        ("attribute:a in [b", "expected ',' or ']', found the end (at character 18)"),
        ("attribute: == b", "'attribute:' needs the name of an attribute (at character 1)"),
        ("attribute:a == 'b", "the quote ' is not closed (at character 16)"),
        ("(attribute:a exists", "expected ')' for the '(' of character 1, found the end (at character 20)"),
        ("attribute:a exists)", "expected 'and', 'or' or the end, found ')' (at character 19)"),
        (
            "attribute:a exists attribute:b exists",
            "expected 'and', 'or' or the end, found 'attribute:b exists' (at character 20)",
        ),
        ("attribute:a exists and", "expected a subject, found the end (at character 23)"),
        ("attribute:a =~ (b", "'(b' is not a pattern: ( is not closed (at character 16)"),
        ("attribute:a =~ ", "expected a pattern, found the end (at character 16)"),
        ("agentConnected == yes", "agentConnected is true or false, not 'yes' (at character 19)"),
        ("agentVersion > new", "'new' is not a version such as 1.14.5 (at character 16)"),
        (
            "registeredAt < 2018-02-30",
            "'2018-02-30' is not a time such as 2018-06-18T22:28:28Z or 2018-06-18 (at character 16)",
        ),
        ("runningTasksCount == few", "'few' is not a whole number (at character 22)"),
        (
            "runningTasksCount =~ 1",
            "'=~' can not be used with runningTasksCount, only == != > >= < <= (at character 19)",
        ),
        ("agentConnected > true", "'>' can not be used with agentConnected, only == != in !in =~ !~ (at character 16)"),
        ("not " * 60 + "attribute:a exists", "it is nested more than 50 deep (at character 205)"),
        ("(" * 1000 + "attribute:a exists", "it is nested more than 50 deep (at character 52)"),
        ("attribute:a == " + "b" * 1990, "it has 2005 characters, and may have 2000 (at character 2001)"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(text)
    assert str(refused.value) == words


def test_an_unknown_subject_is_told_the_known_ones() -> None:
    with pytest.raises(Malformed) as refused:
        parse("zone == a")
    assert str(refused.value).startswith("'zone' is not a subject: they are agentConnected, ")
    assert all(name in str(refused.value) for name in OPERATORS)


@given(st.text(max_size=60) | st.text("attribute:=!<>~()[]'\" andornotexists,&|\\", max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(Malformed):
        expression = parse(text)
        assert parse(written(expression)) == expression


def test_all_that_an_expression_looks_at_is_known() -> None:
    assert subjects(parse("not (task:group == a or attribute:b exists) and agentConnected == true")) == {
        "task:group",
        "attribute:b",
        "agentConnected",
    }
