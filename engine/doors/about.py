"""About: what an engine tells of itself over NATS, for operators and for checks.

qd.sys.about         whose turn of keeping the log it is, and the position everything is true at
qd.sys.fingerprint   a digest of the whole state at a position: equal for whoever folds the log up to there
"""

from nats.aio.msg import Msg

from quarterdeck.engine.core.errors import InvalidParameterException, ServerException
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.doors.intake import Intake
from quarterdeck.engine.doors.questions import PREFIX, EngineAbout, Fingerprint
from quarterdeck.engine.doors.reply import Reply, answered
from quarterdeck.engine.shell.command import Command, NotKeeper
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.events.log.connect import Link
from quarterdeck.events.names import DEFAULT_ACCOUNT, DEFAULT_REGION, Namespace

IN_FLIGHT_MAX = 16


class About:
    """The door for questions about the engine itself."""

    def __init__(self, link: Link, keeper: Keeper) -> None:
        self._keeper = keeper
        self.intake = Intake(link, f"{PREFIX}>", self._answer, lambda: keeper.sequence, IN_FLIGHT_MAX)

    async def run(self) -> None:
        """Answer until cancelled."""
        await self.intake.run()

    async def _answer(self, message: Msg) -> Reply:
        question = message.subject.removeprefix(PREFIX)
        try:
            if question == "about":
                await self._keeper.kept()
                return answered(EngineAbout(self._keeper.epoch, self._keeper.sequence), self._keeper.sequence)
            if question == "fingerprint":
                found = await fingerprint(self._keeper)
                return answered(found, found.sequence)
        except NotKeeper as error:
            raise ServerException(f"{error}. Try again.") from error
        raise InvalidParameterException(f"An engine tells about and fingerprint; {question} is neither.")


async def fingerprint(keeper: Keeper) -> Fingerprint:
    """Digest the live state at a position that is in the log. Raises NotKeeper, ServerException."""

    def look(_: Turn) -> str:
        return keeper.view.fingerprint()

    namespace = str(Namespace(DEFAULT_REGION, DEFAULT_ACCOUNT))
    command = Command(namespace=namespace, operation="Fingerprint", actor="operator", decide=look, boundary=True)
    outcome = await keeper.submit(command)
    return Fingerprint(outcome.sequence, outcome.result)
