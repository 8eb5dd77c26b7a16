"""Main: ``python -m quarterdeck.engine.cli``, the same as ``quarterdeck``."""

from quarterdeck.engine.cli import main

main(prog_name="quarterdeck")
