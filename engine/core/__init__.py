"""Decisions: pure functions over the live view. No clock, no chance, no waiting."""
