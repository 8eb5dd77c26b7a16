"""Doors: the same operations over NATS, within a process, and (later) over HTTP."""
