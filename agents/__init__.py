"""Agents: the node side; one per container instance, it runs the tasks placed there and reports what they do."""
