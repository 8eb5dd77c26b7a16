"""Secret: the door for an account's own secrets, which are no part of ECS's API.

Requests ``qd.secret.<region>.<account>.<store, delete or list>``. A value goes in, in the payload of ``store``, and
comes out for nobody but the agent of a task that names it. Not a command of `qd.cmd` or `qd.queue`: those may be kept.
"""

import msgspec
from nats.aio.msg import Msg

from quarterdeck.engine.core.errors import InvalidParameterException, SerializationException, ServerException
from quarterdeck.engine.doors.commands import DoorSettings, actor
from quarterdeck.engine.doors.door import not_kept
from quarterdeck.engine.doors.intake import Intake
from quarterdeck.engine.doors.questions import SECRETS as PREFIX
from quarterdeck.engine.doors.questions import NewSecret, ShownSecret, ShownSecrets
from quarterdeck.engine.doors.reply import Reply, answered
from quarterdeck.engine.shell.command import NotKeeper
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.engine.shell.secrets import Secrets
from quarterdeck.events.log.connect import Link
from quarterdeck.events.names import ACCOUNT, REGION, Namespace
from quarterdeck.projections.live.states import SecretState

SHAPE = "<region>.<account>.<store, delete or list>"
IN_FLIGHT_MAX = 64


class SecretDoor:
    """The door for secrets."""

    def __init__(self, link: Link, keeper: Keeper, secrets: Secrets, settings: DoorSettings) -> None:
        self._keeper = keeper
        self._trust_actor = settings.trust_actor
        self._secrets = secrets
        self.intake = Intake(link, f"{PREFIX}>", self._answer, lambda: keeper.sequence, IN_FLIGHT_MAX)

    async def run(self) -> None:
        """Answer until cancelled."""
        await self.intake.run()

    async def _answer(self, message: Msg) -> Reply:
        namespace, verb = _target(message.subject)
        who = actor(namespace, message.headers, trusted=self._trust_actor)
        try:
            match verb:
                case "store":
                    new = _decoded(message.data)
                    shown = _shown(await self._secrets.store(str(namespace), new.name, new.value, who))
                    return answered(shown, self._keeper.sequence)
                case "delete":
                    gone = await self._secrets.delete(str(namespace), _decoded(message.data).name, who)
                    return answered(_shown(gone), self._keeper.sequence)
                case "list":
                    found = [_shown(each) for each in await self._secrets.listed(str(namespace), who)]
                    return answered(ShownSecrets(secrets=found), self._keeper.sequence)
                case _:
                    pass
        except NotKeeper as error:
            raise ServerException(not_kept(error)) from error
        raise InvalidParameterException(f"Secrets can be stored, deleted and listed; {verb} is none of it.")


def _target(subject: str) -> tuple[Namespace, str]:
    region, _, rest = subject.removeprefix(PREFIX).partition(".")
    account, _, verb = rest.partition(".")
    if REGION.fullmatch(region) is None or ACCOUNT.fullmatch(account) is None:
        raise InvalidParameterException(f"The subject must be {PREFIX}{SHAPE}, not {subject}.")
    return Namespace(region, account), verb


def _decoded(data: bytes) -> NewSecret:
    try:
        return msgspec.json.decode(data, type=NewSecret)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SerializationException(f"secret: {error}") from error


def _shown(state: SecretState) -> ShownSecret:
    return ShownSecret(name=state.name, version=state.version, created_at=state.created_at, changed_at=state.changed_at)
