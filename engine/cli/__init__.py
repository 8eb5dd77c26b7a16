"""CLI: the commands quarterdeck and qd."""
