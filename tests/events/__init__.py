"""Tests of the vocabulary of facts and of the log."""
