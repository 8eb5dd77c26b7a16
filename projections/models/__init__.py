"""Read models: what Describe and List answer, in SQLite, folded from the log and thrown away at will."""
