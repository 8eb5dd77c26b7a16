"""Wanted: what agents are told names the agent the engine takes for the instance, and leaves nothing behind."""

from functools import partial

from quarterdeck.engine.core import container_instance
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.shell.wanted import Instance, Wanted
from quarterdeck.events import shapes
from quarterdeck.events.log.memory import MemoryLog
from tests.engine.shell.test_keeper import NAMESPACE, command, creation, keeping

RESOURCES = [shapes.Resource(name=name, integer_value=1024) for name in ("CPU", "MEMORY")]
SESSION = [shapes.Attribute(name="quarterdeck.session", value="i-1.1.mine")]
REGISTER = shapes.RegisterContainerInstanceRequest(cluster="web", total_resources=RESOURCES, attributes=SESSION)


def _register(turn: Turn) -> str:
    return container_instance.register(turn, REGISTER)


def _deregister(name: str, turn: Turn) -> None:
    request = shapes.DeregisterContainerInstanceRequest(cluster="web", container_instance=name)
    container_instance.deregister(turn, request)


async def test_a_list_names_the_agent_that_the_engine_knows() -> None:
    async with keeping(MemoryLog()) as keeper:
        wanted = Wanted(keeper)
        await keeper.submit(creation("web"))
        name = (await keeper.submit(command(_register))).result
        listing = await wanted.listing(Instance(str(NAMESPACE), "web", name))
        assert (listing.session, listing.sequence) == ("i-1.1.mine", keeper.sequence)


async def test_an_instance_that_is_deregistered_is_told_so_and_not_remembered() -> None:
    async with keeping(MemoryLog()) as keeper:
        wanted = Wanted(keeper)
        sent: list[Instance] = []
        wanted.send.append(lambda instance, _change: sent.append(instance))
        await keeper.submit(creation("web"))
        begun = wanted.position(Instance(str(NAMESPACE), "web", "none"))
        name = (await keeper.submit(command(_register))).result
        await keeper.submit(command(partial(_deregister, name)))
        instance = Instance(str(NAMESPACE), "web", name)
        assert (sent, wanted.position(instance)) == ([instance], begun)
