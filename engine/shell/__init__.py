"""engine/shell"""
