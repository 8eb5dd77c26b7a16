"""Benchmarks: measurements of the whole, against a real server."""
