"""Role: what may name an IAM role; no credentials are handed out for it here."""

import re

_NAMED = re.compile(r"arn:[\w+=,.@:/-]+|[\w+=,.@-]{1,64}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}|[\w+=,.@-]{1,64}")


def is_named(role: str) -> bool:
    """Tell whether a task definition may name a role so."""
    return _NAMED.fullmatch(role) is not None


def is_role(role: str) -> bool:
    """Tell whether this is a role's ARN, or a role's name."""
    return _ROLE.fullmatch(role) is not None
