"""Health: whether operations can be carried out here, and how far things are."""

import msgspec


class Health(msgspec.Struct, frozen=True):
    """What there is to say: the log position all answers are true at, and whose turn of keeping the log it is.

    ``read_sequence`` is how far the read models are.
    """

    status: str
    sequence: int = 0
    epoch: int = 0
    read_sequence: int = 0
