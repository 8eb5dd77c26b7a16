"""tests/projections/models"""
