"""Pattern: regular expressions in the syntax Java and Python share, matched in time linear in the text.

Whoever may write a query must not be able to stop the keeper: a pattern like ``(a+)+b`` takes a
backtracking matcher for ever. So a pattern becomes an automaton (Thompson), and what can't be one
(references back, looking around, possessive quantifiers) is refused by name. It matches whole values.
"""

from collections.abc import Callable, Iterator

import msgspec

STATES_MAX = 2_000
"""Of one automaton: ``{n,m}`` repeats what it stands behind."""
GROUPS_DEPTH_MAX = 50
REPEATS_MAX = 1_000

Test = Callable[[str], bool]
"""Whether a character is one that is meant."""


class BadPattern(ValueError):
    """What is no pattern, or none that is supported; `at` counts its characters from 0."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Pattern:
    """A pattern, ready to be matched."""

    def __init__(self, text: str) -> None:
        """Raises BadPattern."""
        parser = _Parser(text)
        self._states = parser.states
        self._start, self._end = parser.whole()
        self._fold = parser.fold

    def matches(self, value: str) -> bool:
        """Tell whether the whole value is one that the pattern describes."""
        value = value.lower() if self._fold else value
        last = len(value)
        at = self._follow([self._start], first=True, last=not last)
        for index, char in enumerate(value, 1):
            following = [state.next[0] for state in at if state.test is not None and state.test(char)]
            at = self._follow(following, first=False, last=index == last)
            if not at:
                return False
        return self._end in at

    def _follow(self, starts: list["_State"], *, first: bool, last: bool) -> dict["_State", None]:
        """Find all states that can be reached without a character."""
        seen: dict[_State, None] = {}
        waiting = list(starts)
        while waiting:
            state = waiting.pop()
            if state in seen:
                continue
            seen[state] = None
            if state.test is None and (not state.anchor or (first if state.anchor == "^" else last)):
                waiting.extend(state.next)
        return seen


class _State(msgspec.Struct, eq=False):
    """A state: with a test it takes a character, with an anchor it is passed at one end only, else freely."""

    test: Test | None = None
    anchor: str = ""
    next: list["_State"] = []


Part = tuple[_State, _State]

CLASSES: dict[str, Test] = {
    "d": lambda char: "0" <= char <= "9",
    "w": lambda char: char == "_" or (char.isascii() and char.isalnum()),
    "s": lambda char: char in " \t\n\x0b\f\r",
}
SIGNS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


class _Parser:
    def __init__(self, text: str) -> None:
        self.fold = text.startswith("(?i)")
        self.text = text
        self.at = 4 if self.fold else 0
        self.states = 0
        self.depth = 0

    def whole(self) -> Part:
        part = self._either()
        if self.at < len(self.text):
            raise BadPattern("')' closes nothing", self.at)
        return part

    def _either(self) -> Part:
        parts = [self._row()]
        while self._take("|"):
            parts.append(self._row())
        if len(parts) == 1:
            return parts[0]
        start, end = self._state(), self._state()
        for first, last in parts:
            start.next.append(first)
            last.next.append(end)
        return start, end

    def _row(self) -> Part:
        start = end = self._state()
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            first, last = self._repeated()
            end.next.append(first)
            end = last
        return start, end

    def _repeated(self) -> Part:
        begin = self.at
        part = self._single()
        after = self.at
        least, most = self._quantifier()
        if (least, most) == (1, 1):
            return part
        if self._take("+"):
            raise BadPattern("possessive quantifiers are not supported", self.at - 1)
        self._take("?")
        if self.text[self.at : self.at + 1] in {"*", "+", "?"}:
            raise BadPattern("a quantifier stands behind another", self.at)
        end = self.at
        copies = self._copies(part, begin, after, least, most)
        self.at = end
        return copies

    def _copies(self, part: Part, begin: int, after: int, least: int, most: int | None) -> Part:
        """Lay a part in a row as often as it must be there, then as often as it may, or in a circle."""
        start = end = self._state()
        count = least if most is None else most
        for number in range(max(count, 1)):
            first, last = part if number == 0 else self._again(begin, after)
            if number >= least:
                first, last = self._maybe(first, last)
            if most is None and number >= count - 1:
                last.next.append(first)
            end.next.append(first)
            end = last
        return (start, end) if most != 0 else self._empty()

    def _again(self, begin: int, after: int) -> Part:
        self.at = begin
        part = self._single()
        assert self.at == after
        return part

    def _maybe(self, first: _State, last: _State) -> Part:
        start, end = self._state(), self._state()
        start.next += [first, end]
        last.next.append(end)
        return start, end

    def _empty(self) -> Part:
        state = self._state()
        return state, state

    def _quantifier(self) -> tuple[int, int | None]:
        for sign, known in SIGNS.items():
            if self._take(sign):
                return known
        if not self._take("{"):
            return 1, 1
        begin = self.at - 1
        least, comma, most = self._upto("}").partition(",")
        if not least.isdecimal() or (most and not most.isdecimal()):
            raise BadPattern("{ must be followed by {n}, {n,} or {n,m}", begin)
        bounds = (int(least), (int(most) if most else None) if comma else int(least))
        if max(bounds[0], bounds[1] or 0) > REPEATS_MAX or (bounds[1] is not None and bounds[0] > bounds[1]):
            raise BadPattern(f"{{n,m}} must go up, and to {REPEATS_MAX} at most", begin)
        return bounds

    def _single(self) -> Part:
        char = self.text[self.at]
        if char == "(":
            return self._group()
        if char in "*+?{":
            raise BadPattern(f"{char} has nothing to repeat", self.at)
        if char in "^$":
            self.at += 1
            state, end = self._state(anchor=char), self._state()
            state.next.append(end)
            return state, end
        return self._taking(self._test())

    def _group(self) -> Part:
        begin = self.at
        self.at += 1
        self.depth += 1
        if self.depth > GROUPS_DEPTH_MAX:
            raise BadPattern(f"more than {GROUPS_DEPTH_MAX} groups inside one another", begin)
        if self._take("?") and not self._take(":"):
            raise BadPattern("groups that begin with (? are not supported, but for (?:", begin)
        part = self._either()
        if not self._take(")"):
            raise BadPattern("( is not closed", begin)
        self.depth -= 1
        return part

    def _test(self) -> Test:
        char = self.text[self.at]
        self.at += 1
        if char == ".":
            return lambda each: each not in "\n\r"
        if char == "[":
            return self._set()
        if char == "\\":
            test = self._escape()
            return test if callable(test) else self._literal(test)
        return self._literal(char)

    def _literal(self, char: str) -> Test:
        meant = char.lower() if self.fold else char
        return lambda each: each == meant

    def _escape(self) -> Test | str:
        if self.at >= len(self.text):
            raise BadPattern("\\ stands at the end", self.at - 1)
        char = self.text[self.at]
        self.at += 1
        if char.lower() in CLASSES:
            test = CLASSES[char.lower()]
            return test if char.islower() else lambda each: not test(each)
        if char.isascii() and char.isalnum() and char not in ESCAPES:
            raise BadPattern(f"\\{char} is not supported", self.at - 2)
        return ESCAPES.get(char, char)

    def _set(self) -> Test:
        begin = self.at - 1
        negated = self._take("^")
        tests = list(self._members(begin))
        if negated:
            return lambda each: not any(test(each) for test in tests)
        return lambda each: any(test(each) for test in tests)

    def _members(self, begin: int) -> Iterator[Test]:
        first = self.at
        while self.at == first or not self._take("]"):
            low = self._member(begin)
            is_range = self.text[self.at : self.at + 1] == "-" and self.text[self.at + 1 : self.at + 2] not in {"]", ""}
            if callable(low) or not is_range:
                yield low if callable(low) else self._literal(low)
                continue
            self.at += 1
            high = self._member(begin)
            if callable(high) or high < low:
                raise BadPattern("a range must go up", self.at - 1)
            yield self._range(low, high)

    def _member(self, begin: int) -> Test | str:
        if self.at >= len(self.text):
            raise BadPattern("[ is not closed", begin)
        char = self.text[self.at]
        if char == "[" or self.text.startswith("&&", self.at):
            raise BadPattern("a set inside a set is not supported", self.at)
        self.at += 1
        return self._escape() if char == "\\" else char

    def _range(self, low: str, high: str) -> Test:
        if not self.fold:
            return lambda each: low <= each <= high
        return lambda each: low <= each <= high or low <= each.upper() <= high

    def _taking(self, test: Test) -> Part:
        state, end = self._state(test=test), self._state()
        state.next.append(end)
        return state, end

    def _state(self, test: Test | None = None, anchor: str = "") -> _State:
        self.states += 1
        if self.states > STATES_MAX:
            raise BadPattern("the pattern is too large", 0)
        return _State(test=test, anchor=anchor)

    def _take(self, char: str) -> bool:
        if not self.text.startswith(char, self.at):
            return False
        self.at += 1
        return True

    def _upto(self, char: str) -> str:
        end = self.text.find(char, self.at)
        if end < 0:
            raise BadPattern(f"{char} is missing", self.at - 1)
        found = self.text[self.at : end]
        self.at = end + 1
        return found
