"""Account setting: its operations at the doors."""

from quarterdeck.engine.core import account_setting as core
from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.paging import next_token, page, slice_after
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes

SETTINGS_LISTED_MAX = 10


async def _put(
    _context: Context, _request: shapes.PutAccountSettingRequest, outcome: Outcome
) -> shapes.PutAccountSettingResponse:
    return shapes.PutAccountSettingResponse(setting=outcome.result)


async def _put_default(
    _context: Context, _request: shapes.PutAccountSettingDefaultRequest, outcome: Outcome
) -> shapes.PutAccountSettingDefaultResponse:
    return shapes.PutAccountSettingDefaultResponse(setting=outcome.result)


async def _deleted(
    _context: Context, _request: shapes.DeleteAccountSettingRequest, outcome: Outcome
) -> shapes.DeleteAccountSettingResponse:
    return shapes.DeleteAccountSettingResponse(setting=outcome.result)


async def _list(context: Context, request: shapes.ListAccountSettingsRequest) -> shapes.ListAccountSettingsResponse:
    if request.name:
        core.checked_name(request.name)
    elif request.value:
        raise InvalidParameterException("A setting name must be specified when a value is.")
    principal = core.checked_principal(context.namespace, request.principal_arn, context.actor)
    values = await context.models.account_settings.chosen(context.namespace, principal)
    if request.effective_settings:
        root = await context.models.account_settings.chosen(context.namespace, context.namespace.root_arn())
        values = core.effective(values, root)
    wanted = [
        name
        for name in core.KNOWN
        if name in values and request.name in {None, "", name} and request.value in {None, "", values[name]}
    ]
    listed = slice_after(wanted, page(request, SETTINGS_LISTED_MAX, SETTINGS_LISTED_MAX))
    return shapes.ListAccountSettingsResponse(
        settings=[core.setting(name, values[name], principal) for name in listed.items],
        next_token=next_token(request, listed),
    )


OPERATIONS: dict[str, Operation] = {
    "PutAccountSetting": Write(decide=core.put, answer=_put),
    "PutAccountSettingDefault": Write(decide=core.put_default, answer=_put_default),
    "DeleteAccountSetting": Write(decide=core.delete, answer=_deleted),
    "ListAccountSettings": Read(read=_list),
}
