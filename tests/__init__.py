"""Tests: a sentence about ECS each; the tree mirrors the code."""
