"""engine/doors"""
