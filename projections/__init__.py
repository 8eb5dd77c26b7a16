"""Projections: views folded from events."""
