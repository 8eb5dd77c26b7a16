"""Tests of runtimes: one contract for all, then what each has of its own."""
