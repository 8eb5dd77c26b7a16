"""projections/live"""
