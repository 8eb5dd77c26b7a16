"""Account setting: deciding on what principals choose for themselves (spec §11.1)."""

import re
from collections.abc import Mapping

import msgspec

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.account_setting import AccountSettingDeleted, AccountSettingPut
from quarterdeck.events.names import Namespace

_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):(root|(user|role)/[\w+=,.@/-]{1,512})")


class Known(msgspec.Struct, frozen=True):
    """A setting: the values it may have, the first of them before anybody chose; whether callers may choose."""

    values: tuple[str, ...]
    writable: bool = True

    @property
    def default(self) -> str:
        """The value while nobody chose one."""
        return self.values[0]


KNOWN = {
    "serviceLongArnFormat": Known(("enabled",)),
    "taskLongArnFormat": Known(("enabled",)),
    "containerInstanceLongArnFormat": Known(("enabled",)),
    "awsvpcTrunking": Known(("disabled", "enabled")),
    "containerInsights": Known(("disabled", "enabled", "enhanced")),
    "fargateFIPSMode": Known(("disabled", "enabled")),
    "tagResourceAuthorization": Known(("on", "off")),
    "fargateTaskRetirementWaitPeriod": Known(("7", "0", "14")),
    "guardDutyActivate": Known(("off", "on"), writable=False),
    "defaultLogDriverMode": Known(("non-blocking", "blocking")),
    "fargateEventWindows": Known(("disabled", "enabled")),
    "dualStackIPv6": Known(("disabled", "enabled")),
}
"""In the order in which they are listed."""


def put(turn: Turn, request: shapes.PutAccountSettingRequest) -> shapes.Setting:
    """Choose for one principal, the caller if none is named; gives the setting."""
    return _put(turn, request.name, request.value, checked_principal(turn.namespace, request.principal_arn, turn.actor))


def put_default(turn: Turn, request: shapes.PutAccountSettingDefaultRequest) -> shapes.Setting:
    """Choose for all principals that did not choose for themselves; gives the setting."""
    return _put(turn, request.name, request.value, turn.namespace.root_arn())


def delete(turn: Turn, request: shapes.DeleteAccountSettingRequest) -> shapes.Setting:
    """Fall back to the default; gives the setting that was removed, or what is in force if there was none."""
    name = checked_name(request.name)
    principal = checked_principal(turn.namespace, request.principal_arn, turn.actor)
    chosen = turn.state.account_settings.get(principal, {}).get(name)
    if chosen is not None:
        turn.emit(AccountSettingDeleted(name=name, principal=principal))
    return setting(name, chosen or in_force(turn, name, principal), principal)


def in_force(turn: Turn, name: str, principal: str) -> str:
    """Find the value of a setting for a principal."""
    chosen = turn.state.account_settings
    return effective(chosen.get(principal, {}), chosen.get(turn.namespace.root_arn(), {}))[name]


def effective(own: Mapping[str, str], root: Mapping[str, str]) -> dict[str, str]:
    """Work out all settings: what the principal chose, else what root chose, else ECS's default."""
    return {name: own.get(name) or root.get(name) or known.default for name, known in KNOWN.items()}


def setting(name: str, value: str, principal: str) -> shapes.Setting:
    """Describe a setting."""
    kind = "user" if KNOWN[name].writable else "aws_managed"
    return shapes.Setting(name=name, value=value, principal_arn=principal, type=kind)


def checked_name(name: str | None) -> str:
    """Refuse a name that no setting has."""
    if name not in KNOWN:
        raise InvalidParameterException(f"unknown should be one of [{','.join(KNOWN)}]")
    return name


def checked_principal(namespace: Namespace, principal: str | None, caller: str) -> str:
    """Refuse what is no user, role or root of this account; nobody named means the caller."""
    if not principal:
        return caller
    match = _PRINCIPAL.fullmatch(principal)
    if match is None or match["account"] != namespace.account:
        raise InvalidParameterException(
            "Invalid principalArn: it must be the ARN of a user, a role or the root user of this account."
        )
    return principal


def _put(turn: Turn, name: str | None, value: str | None, principal: str) -> shapes.Setting:
    name = checked_name(name)
    known = KNOWN[name]
    if not known.writable:
        raise InvalidParameterException(f"The account setting {name} is managed by AWS and can not be changed.")
    if value not in known.values:
        raise InvalidParameterException(f"Value should be one of [{','.join(known.values)}]")
    if turn.state.account_settings.get(principal, {}).get(name) != value:
        turn.emit(AccountSettingPut(name=name, principal=principal, value=value))
    return setting(name, value, principal)
