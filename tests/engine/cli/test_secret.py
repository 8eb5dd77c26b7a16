"""The value of a secret, as it is read from a file or a pipe."""

from __future__ import annotations

from io import BytesIO

import click
import pytest

from quarterdeck.engine.cli.secret import _value


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (b"pass\n", "pass"),
        (b"pass\r\n", "pass"),
        (b"pass", "pass"),
        (b"pass\r", "pass\r"),
        (b"a\r\nb\rc\n\n", "a\r\nb\rc\n"),
        (b"", ""),
    ],
)
def test_a_value_is_stored_as_it_stands_but_for_its_last_line_end(given: bytes, value: str) -> None:
    assert _value(BytesIO(given)) == value


def test_a_value_that_is_no_text_is_refused() -> None:
    with pytest.raises(click.ClickException, match="UTF-8"):
        _value(BytesIO(b"\xff\xfe"))
