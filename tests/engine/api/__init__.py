"""Tests of the HTTP door; the judges are clients that nobody here wrote."""
