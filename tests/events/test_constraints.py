"""The generated constraints are the model's, and so are their patterns."""

from __future__ import annotations

import re
import unicodedata

from quarterdeck.events import constraints
from tools import generate_constraints
from tools.generate_shapes import load

TAGS = "_.:/=+-@"


def test_the_committed_file_is_what_the_model_gives() -> None:
    same = generate_constraints.render(load()) == generate_constraints.TARGET.read_text()
    assert same, "run: python -m tools.generate_constraints"


def test_a_tag_may_hold_letters_numbers_and_separators_of_all_scripts() -> None:
    r"""The model's pattern is Java's: \p{L}, \p{Z}, \p{N}."""
    *_, pattern = constraints.TEXTS["TagKey"]
    compiled = re.compile(pattern)
    for point in range(0x11_0000):
        character = chr(point)
        wanted = unicodedata.category(character)[0] in "LZN" or character in TAGS
        assert bool(compiled.fullmatch(character)) == wanted, hex(point)
