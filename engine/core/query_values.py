"""Query values: what the values in an expression of the cluster query language mean (spec §8.3)."""

import re

from quarterdeck.engine.core.pattern import BadPattern, Pattern
from quarterdeck.engine.core.query_tokens import Malformed

SECONDS_A_DAY = 86_400
_VERSION = re.compile(r"v?(\d{1,9}(?:\.\d{1,9})*)")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|([+-])(\d\d):?(\d\d))?)?", re.ASCII
)
_MONTHS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def check_value(subject: str, operator: str, value: str, at: int) -> None:
    """Refuse a value that its subject can't have. Raises Malformed."""
    if operator in {"=~", "!~"}:
        _check_pattern(value, at)
    elif subject == "agentConnected" and value not in {"true", "false"}:
        raise Malformed(f"agentConnected is true or false, not '{value}'", at)
    elif subject == "agentVersion" and version(value) is None:
        raise Malformed(f"'{value}' is not a version such as 1.14.5", at)
    elif subject == "registeredAt" and moment(value) is None:
        raise Malformed(f"'{value}' is not a time such as 2018-06-18T22:28:28Z or 2018-06-18", at)
    elif subject == "runningTasksCount" and not value.isdecimal():
        raise Malformed(f"'{value}' is not a whole number", at)


def version(text: str) -> tuple[int, ...] | None:
    """Read a version by its numbers, so that 1.9 comes before 1.14; None if it is none."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    numbers = [int(each) for each in found.group(1).split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def number(text: str) -> float | None:
    """Read a number; None if it is none."""
    return float(text) if _NUMBER.fullmatch(text) else None


def moment(text: str) -> float | None:
    """Read a date or a time as seconds since the epoch, in UTC if it names no offset; None if it is none."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(each) for each in found.group(1, 2, 3))
    hour, minute, second = (int(each or 0) for each in found.group(4, 5, 6))
    if not (1 <= month <= 12 and 1 <= day <= _days_of(year, month) and hour <= 23 and minute <= 59 and second <= 60):
        return None
    offset = (int(found.group(8) or 0) * 60 + int(found.group(9) or 0)) * 60
    days = _days_before(year) - _days_before(1970) + _MONTHS_BEFORE[month - 1] + day - 1
    days += 1 if month > 2 and _is_leap(year) else 0
    seconds = days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second
    return float(seconds + offset if found.group(7) == "-" else seconds - offset)


def _check_pattern(value: str, at: int) -> None:
    try:
        Pattern(value)
    except BadPattern as error:
        raise Malformed(f"'{value}' is not a pattern: {error}", at + error.at) from error


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_before(year: int) -> int:
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400


def _days_of(year: int, month: int) -> int:
    following = (*_MONTHS_BEFORE, 365)[month]
    return following - _MONTHS_BEFORE[month - 1] + (1 if month == 2 and _is_leap(year) else 0)
