"""Read models: what Describe, List and the console read, in SQLite."""
