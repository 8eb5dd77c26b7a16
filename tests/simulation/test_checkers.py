"""The checkers bite: what is broken on purpose is reported, by the checker whose rule it breaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.simulation.mutants import LIKELY, MUTANTS
from tests.simulation.quiet import quieted
from tests.simulation.seeds import play

SEEDS_MAX = 100


@pytest.mark.seeds
@pytest.mark.parametrize(("mutant", "checker"), [pytest.param(*each, id=each[0].__name__) for each in MUTANTS.items()])
def test_what_is_broken_on_purpose_is_reported_by_its_checker(
    mutant: Callable[[pytest.MonkeyPatch], None], checker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    with quieted():
        seeds = (LIKELY.get(mutant, 0), *range(SEEDS_MAX))
        breaches = (play(seed).violation.partition(":")[0] for seed in seeds)
        assert checker in breaches
