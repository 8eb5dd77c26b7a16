"""Deterministic simulation: whole clusters on a virtual clock, with faults, and checkers that look at every commit."""
