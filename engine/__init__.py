"""Engine: takes commands, decides them against the log, serves what came of it."""
