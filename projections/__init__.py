"""Views of the log: the live one in memory, the read models in SQLite, and history, the same with another end."""
