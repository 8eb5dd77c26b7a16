"""Runtimes: what an agent runs containers with, behind one port."""
