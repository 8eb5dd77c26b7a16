"""Endpoints: what an agent tells over HTTP, on its host only: containers of their task, the host of the agent."""
