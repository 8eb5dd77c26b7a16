"""The table of operations in the documentation is the code's."""

from __future__ import annotations

from quarterdeck.events import operations
from tools import operations_table


def test_the_committed_table_is_what_the_code_says() -> None:
    assert operations_table.TARGET.read_text() == operations_table.render(), "run: python -m tools.operations_table"


def test_every_operation_has_a_row() -> None:
    assert operations_table.render().count("\n| ") == 88 + len(operations.OWN) + 1
