"""Tests of the log: one contract for every implementation, then what only JetStream can get wrong."""
