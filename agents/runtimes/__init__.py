"""Runtimes: what an agent drives to run containers; they know containers and nothing of ECS tasks."""
