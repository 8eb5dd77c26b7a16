"""Explanation: why a task went where it went, or nowhere, in a few numbers."""

import msgspec


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """The compact reason kept with a decision; the full matrix is derived by folding the log.

    considered   instances of the cluster
    rejected     instances known not to fit, by the first check they fail
                 (complete when nothing fitted, else those met while searching)
    zones        tasks of the group in each zone before this one, the numbers that decided
    runner_up    the instance that would have been next, if one was at hand
    scores       what the placement strategies compared, in their order, of the instance chosen
    """

    considered: int = 0
    rejected: dict[str, int] = {}
    zones: dict[str, int] = {}
    runner_up: str = ""
    scores: dict[str, int] = {}
