"""The engine: commands become decisions, decisions become commits, and everything reads from those."""
