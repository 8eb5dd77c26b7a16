"""Benchmarks: measurements beside their targets, run by `make bench`; not part of the tests."""
