"""tests/projections/models."""
