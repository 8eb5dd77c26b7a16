"""Query: the cluster query language, from its text to an expression and back (spec §8.3).

    attribute:ecs.instance-type =~ g2.* and not (task:group == database)

`parse` understands a text, `written` writes an expression so that it is understood as the same one;
what an expression says of an instance is for `query_match`. Keywords may be written in any case,
subjects and values may not. ``not`` binds before ``and``, ``and`` before ``or``.
"""

import msgspec

from quarterdeck.engine.core.query_tokens import Malformed, Tokens
from quarterdeck.engine.core.query_values import check_value

CHARACTERS_MAX = 2_000
DEPTH_MAX = 50
"""How deep parentheses and negations may be nested."""

EQUALITY = ("==", "!=")
ORDER = (">", ">=", "<", "<=")
PATTERNS = ("=~", "!~")
LISTS = ("in", "!in")
EXISTENCE = ("exists", "!exists")
TEXTUAL = (*EQUALITY, *LISTS, *PATTERNS)
ATTRIBUTE = "attribute:"

OPERATORS: dict[str, tuple[str, ...]] = {
    "agentConnected": TEXTUAL,
    "agentVersion": (*EQUALITY, *ORDER),
    "ec2InstanceId": TEXTUAL,
    "registeredAt": (*EQUALITY, *ORDER),
    "runningTasksCount": (*EQUALITY, *ORDER),
    "task:group": TEXTUAL,
}
"""The subjects beside attributes, and what may be said of each; an attribute takes every operator."""

CHANGING = ("runningTasksCount", "task:group")
"""Subjects that change as tasks come and go; the others change with events of the instance."""


class Simple(msgspec.Struct, frozen=True):
    """One subject, one operator, and its values: none, one, or those of a list."""

    subject: str
    operator: str
    values: tuple[str, ...] = ()


class Not(msgspec.Struct, frozen=True):
    """The opposite."""

    term: "Expression"


class And(msgspec.Struct, frozen=True):
    """All of them."""

    terms: tuple["Expression", ...]


class Or(msgspec.Struct, frozen=True):
    """At least one of them."""

    terms: tuple["Expression", ...]


Expression = Simple | Not | And | Or


def parse(text: str) -> Expression:
    """Understand an expression. Raises Malformed, which says where."""
    if len(text) > CHARACTERS_MAX:
        raise Malformed(f"it has {len(text)} characters, and may have {CHARACTERS_MAX}", CHARACTERS_MAX)
    tokens = Tokens(text)
    found = _either(tokens, 0)
    if not tokens.at_end():
        raise tokens.unexpected("'and', 'or' or the end")
    return found


def written(expression: Expression) -> str:
    """Write an expression."""
    match expression:
        case Simple():
            return _simple_written(expression)
        case Not():
            return f"not {_inside(expression.term, (Simple, Not))}"
        case And():
            return " and ".join(_inside(each, (Simple, Not)) for each in expression.terms)
        case Or():
            return " or ".join(_inside(each, (Simple, Not, And)) for each in expression.terms)


def subjects(expression: Expression) -> set[str]:
    """Name all that an expression looks at."""
    match expression:
        case Simple():
            return {expression.subject}
        case Not():
            return subjects(expression.term)
        case And() | Or():
            return set().union(*(subjects(each) for each in expression.terms))


def _either(tokens: Tokens, depth: int) -> Expression:
    terms = [_all(tokens, depth)]
    while tokens.take_word("or", "||"):
        terms.append(_all(tokens, depth))
    return terms[0] if len(terms) == 1 else Or(tuple(terms))


def _all(tokens: Tokens, depth: int) -> Expression:
    terms = [_unary(tokens, depth)]
    while tokens.take_word("and", "&&"):
        terms.append(_unary(tokens, depth))
    return terms[0] if len(terms) == 1 else And(tuple(terms))


def _unary(tokens: Tokens, depth: int) -> Expression:
    if depth > DEPTH_MAX:
        raise Malformed(f"it is nested more than {DEPTH_MAX} deep", tokens.at)
    if tokens.take_word("not", "!"):
        return Not(_unary(tokens, depth + 1))
    opened = tokens.at
    if tokens.take("("):
        found = _either(tokens, depth + 1)
        if not tokens.take(")"):
            raise tokens.unexpected(f"')' for the '(' of character {opened + 1}")
        return found
    return _simple(tokens)


def _simple(tokens: Tokens) -> Simple:
    subject = _subject(tokens)
    at = tokens.at
    operator = tokens.operator()
    allowed = OPERATORS.get(subject)
    if allowed is not None and operator not in allowed:
        raise Malformed(f"'{operator}' can not be used with {subject}, only {' '.join(allowed)}", at)
    if operator in EXISTENCE:
        return Simple(subject, operator)
    if operator in LISTS:
        return Simple(subject, operator, _list(tokens, subject, operator))
    return Simple(subject, operator, (_value(tokens, subject, operator),))


def _subject(tokens: Tokens) -> str:
    at = tokens.at
    subject = tokens.subject()
    if subject in OPERATORS or (subject.startswith(ATTRIBUTE) and subject != ATTRIBUTE):
        return subject
    if subject == ATTRIBUTE:
        raise Malformed("'attribute:' needs the name of an attribute", at)
    known = ", ".join((*OPERATORS, "attribute:<name>"))
    raise Malformed(f"'{subject}' is not a subject: they are {known}", at)


def _list(tokens: Tokens, subject: str, operator: str) -> tuple[str, ...]:
    if not tokens.take("["):
        raise tokens.unexpected("'['")
    values = [_value(tokens, subject, operator)]
    while tokens.take(","):
        values.append(_value(tokens, subject, operator))
    if not tokens.take("]"):
        raise tokens.unexpected("',' or ']'")
    return tuple(values)


def _value(tokens: Tokens, subject: str, operator: str) -> str:
    tokens.skip()
    at = tokens.at
    value = tokens.pattern() if operator in PATTERNS else tokens.value()
    check_value(subject, operator, value, at)
    return value


def _inside(term: Expression, bare: tuple[type[Expression], ...]) -> str:
    return written(term) if isinstance(term, bare) else f"({written(term)})"


def _simple_written(expression: Simple) -> str:
    said = f"{expression.subject} {expression.operator}"
    if expression.operator in EXISTENCE:
        return said
    values = [Tokens.quoted(each) for each in expression.values]
    return f"{said} [{', '.join(values)}]" if expression.operator in LISTS else f"{said} {values[0]}"
