"""The table of tests that prove the specification's checklist is true: every line has some, and they exist."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.checklist import INVARIANTS, SCENARIOS

ROOT = Path(__file__).resolve().parent.parent
LINES = INVARIANTS | SCENARIOS


def test_every_invariant_and_every_scenario_has_a_line() -> None:
    assert [line.partition(".")[0] for line in INVARIANTS] == [str(number) for number in range(1, 10)]
    assert len(SCENARIOS) == 17


@pytest.mark.parametrize("line", LINES)
def test_each_line_is_proved_by_tests_that_exist(line: str) -> None:
    assert LINES[line]
    for named in LINES[line]:
        path, _, test = named.partition("::")
        module = ast.parse((ROOT / path).read_text())
        functions = (node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        assert test in {each.name for each in functions}, named
