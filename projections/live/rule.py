"""Rule: what decides between instances that fit: how a group's tasks are spread, packed or kept apart (spec §8.2)."""

import msgspec

from quarterdeck.projections.live.instance import InstanceState

ZONE = "attribute:ecs.availability-zone"
ATTRIBUTE = "attribute:"
COUNT = "instanceId"
RESOURCES = ("cpu", "memory")


class Rule(msgspec.Struct, frozen=True):
    """What is compared, in order; the smallest wins, and of equals the lowest id.

    ``attribute:…`` is the number of the group's tasks where that attribute has the same value,
    ``instanceId`` that on the instance, ``cpu`` and ``memory`` what is left of them.

    leading   the attributes compared first: they can be compared without looking at instances
    rest      what is compared then
    fields    all attributes in either: their values cut the cluster into cells
    packing   the resources compared inside a cell, up to where something else comes again
    random    whether chance decides between equals
    distinct  whether an instance takes one task of the group at most
    """

    leading: tuple[str, ...] = (ZONE,)
    rest: tuple[str, ...] = (COUNT,)
    fields: tuple[str, ...] = (ZONE,)
    packing: tuple[str, ...] = ()
    packs_first: bool = False
    random: bool = False
    distinct: bool = False


DEFAULT = Rule()
"""The zones with the fewest tasks of the group, there the instance with the fewest."""


def field_value(instance: InstanceState, field: str) -> str:
    """Find the value of an attribute to spread over; without one, an instance is among those with an empty one."""
    name = field.removeprefix(ATTRIBUTE)
    return instance.zone if field == ZONE else instance.attributes.get(name, "")
