"""Quarterdeck: a container orchestrator with the API of Amazon ECS, whose only truth is an event log."""
