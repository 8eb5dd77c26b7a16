"""Facts and names: what can happen, what things are called, and the log that keeps it."""
