"""What the agent's endpoints tell."""
