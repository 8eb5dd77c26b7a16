"""Secret reference: what ``valueFrom`` means: ARNs of Secrets Manager and of SSM parameters, or a name. Pure.

All of them are secrets of the account's own, by name: `arn:…:secret:NAME-AbCdEf` is NAME, `arn:…:parameter/NAME` too.
"""

import re
from typing import Literal

import msgspec

from quarterdeck.events import shapes

Store = Literal["asm", "ssm"]

_ASM = re.compile(r"arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:(?P<name>[^:]+)(:(?P<key>[^:]*)(:[^:]*(:[^:]*)?)?)?")
_SSM = re.compile(r"arn:[^:]+:ssm:[^:]*:[^:]*:parameter/(?P<name>.+)")
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}")
SUFFIX_CHARACTERS = 7


class Reference(msgspec.Struct, frozen=True):
    """A secret asked for: the names it may have here, the first that is there counts; and a member of its JSON."""

    value_from: str
    store: Store
    names: tuple[str, ...]
    key: str = ""


def reference(value_from: str) -> Reference:
    """Read a ``valueFrom``."""
    if match := _ASM.fullmatch(value_from):
        name = match["name"]
        bare = (name[:-SUFFIX_CHARACTERS],) if _SUFFIX.fullmatch(name[-SUFFIX_CHARACTERS:]) else ()
        return Reference(value_from, "asm", (name, *bare), match["key"] or "")
    if match := _SSM.fullmatch(value_from):
        return Reference(value_from, "ssm", (match["name"], f"/{match['name']}"))
    return Reference(value_from, "ssm", (value_from,))


def wanted_by(definition: shapes.TaskDefinition) -> set[str]:
    """All that a task definition may ask for."""
    found: set[str] = set()
    for container in definition.container_definitions or ():
        log, registry = container.log_configuration, container.repository_credentials
        secrets = [*(container.secrets or ()), *((log.secret_options if log is not None else None) or ())]
        found.update(each.value_from for each in secrets if each.value_from)
        if registry is not None and registry.credentials_parameter:
            found.add(registry.credentials_parameter)
    return found
