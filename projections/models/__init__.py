"""projections/models"""
