"""Doors: the ways in; ECS over HTTP, the console, commands over NATS."""
