"""Tags: the rules every taggable thing shares (spec §2.4)."""

import re

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.events.shapes import Tag

TAGS_MAX = 50
KEY_CHARACTERS_MAX = 128
VALUE_CHARACTERS_MAX = 256
RESERVED_PREFIX = "aws:"
_ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")


def checked_tags(tags: list[Tag] | None) -> list[Tag]:
    """Refuse tags that ECS refuses; give them back as a list without repeats, the last of a key winning."""
    for each in tags or []:
        if each.value is None:
            raise InvalidParameterException(
                f"Invalid tag '{each.key or ''}': its value may be empty, but not left out."
            )
    found = {each.key or "": each.value or "" for each in tags or []}
    if len(found) > TAGS_MAX:
        raise InvalidParameterException(f"Too many tags: {len(found)}. At most {TAGS_MAX} are allowed.")
    for key, value in found.items():
        _check(key, value)
    return [Tag(key=key, value=value) for key, value in found.items()]


def managed_tags(cluster: str, service: str = "") -> list[Tag]:
    """Make the tags ECS itself puts on tasks when enableECSManagedTags is set."""
    tags = [Tag(key="aws:ecs:clusterName", value=cluster)]
    return [*tags, Tag(key="aws:ecs:serviceName", value=service)] if service else tags


def _check(key: str, value: str) -> None:
    if not 1 <= len(key) <= KEY_CHARACTERS_MAX or len(value) > VALUE_CHARACTERS_MAX:
        raise InvalidParameterException(
            f"Invalid tag '{key}': keys have 1 to {KEY_CHARACTERS_MAX} characters, values up to {VALUE_CHARACTERS_MAX}."
        )
    if key.lower().startswith(RESERVED_PREFIX) or value.lower().startswith(RESERVED_PREFIX):
        raise InvalidParameterException(f"Invalid tag '{key}': the prefix aws: is reserved.")
    if not _ALLOWED.fullmatch(key) or not _ALLOWED.fullmatch(value):
        raise InvalidParameterException(f"Invalid tag '{key}': it has characters that are not allowed in tags.")
