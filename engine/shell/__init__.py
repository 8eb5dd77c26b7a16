"""The shell around decisions: it waits, appends, keeps time, and tells agents; it decides nothing."""
