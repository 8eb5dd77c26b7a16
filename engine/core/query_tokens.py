"""Query tokens: cuts an expression of the cluster query language into its parts (spec §8.3).

What a character means depends on where it stands: a pattern may hold parentheses and brackets that
would end any other value. So there is no list of tokens; the grammar asks for the one it expects.
"""

import re

WORDS = {
    "equals": "==",
    "not_equals": "!=",
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
    "matches": "=~",
    "not_matches": "!~",
    "in": "in",
    "not_in": "!in",
    "!in": "!in",
    "exists": "exists",
    "not_exists": "!exists",
    "!exists": "!exists",
}
"""Operators that are words, and what they are the words for."""

_SPACE = re.compile(r"\s*")
_SIGN = re.compile(r"==|!=|>=|<=|=~|!~|>|<")
_WORD = re.compile(r"!?[A-Za-z_]+")
_SUBJECT = re.compile(r"[^\s=!<>&|()\[\],'\"]+")
_VALUE = re.compile(r"[^\s&|()\[\],'\"]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+-]+")
SHOWN_CHARACTERS = 20


class Malformed(ValueError):
    """What is no expression; `at` counts its characters from 0, the text tells them from 1."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(f"{message} (at character {at + 1})")
        self.at = at


class Tokens:
    """A text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.skip()

    @staticmethod
    def quoted(value: str) -> str:
        """Write a value, in quotes if it needs them; one with both kinds can't be written, or read."""
        if _PLAIN.fullmatch(value):
            return value
        assert "'" not in value or '"' not in value
        return f'"{value}"' if "'" in value else f"'{value}'"

    def at_end(self) -> bool:
        """Tell whether there is nothing left."""
        return self.at >= len(self.text)

    def skip(self) -> None:
        """Pass over white space."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found is not None else self.at

    def take(self, sign: str) -> bool:
        """Read a sign, if it is next."""
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        self.skip()
        return True

    def take_word(self, word: str, sign: str) -> bool:
        """Read a keyword, in any case, or the sign for it, if one is next."""
        found = _SUBJECT.match(self.text, self.at)
        if found is not None and found.group().lower() == word:
            self.at = found.end()
            self.skip()
            return True
        return self.take(sign)

    def subject(self) -> str:
        """Read what an expression is about."""
        return self._matched(_SUBJECT, "a subject")

    def operator(self) -> str:
        """Read an operator, as its sign."""
        sign = _SIGN.match(self.text, self.at)
        if sign is not None:
            return self._matched(_SIGN, "")
        word = _WORD.match(self.text, self.at)
        found = WORDS.get(word.group().lower(), "") if word is not None else ""
        if not found:
            raise self.unexpected("an operator")
        self._matched(_WORD, "")
        return found

    def value(self) -> str:
        """Read a value, bare or quoted."""
        return self._quoted() if self._opens_quote() else self._matched(_VALUE, "a value")

    def pattern(self) -> str:
        """Read a pattern: quoted, or up to white space or a parenthesis that it does not open itself."""
        if self._opens_quote():
            return self._quoted()
        begin, opened = self.at, 0
        while not self.at_end() and not self.text[self.at].isspace():
            char = self.text[self.at]
            opened += (char == "(") - (char == ")")
            if opened < 0:
                break
            self.at += 2 if char == "\\" else 1
        self.at = min(self.at, len(self.text))
        found = self.text[begin : self.at]
        if not found:
            raise self.unexpected("a pattern")
        self.skip()
        return found

    def unexpected(self, wanted: str) -> Malformed:
        """Say what is missing, and what is there instead."""
        rest = self.text[self.at :]
        shown = f"'{rest[:SHOWN_CHARACTERS]}{'…' if len(rest) > SHOWN_CHARACTERS else ''}'" if rest else "the end"
        return Malformed(f"expected {wanted}, found {shown}", self.at)

    def _opens_quote(self) -> bool:
        return self.text[self.at : self.at + 1] in {"'", '"'}

    def _quoted(self) -> str:
        quote = self.text[self.at]
        end = self.text.find(quote, self.at + 1)
        if end < 0:
            raise Malformed(f"the quote {quote} is not closed", self.at)
        found = self.text[self.at + 1 : end]
        self.at = end + 1
        self.skip()
        return found

    def _matched(self, pattern: re.Pattern[str], wanted: str) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise self.unexpected(wanted)
        self.at = found.end()
        self.skip()
        return found.group()
