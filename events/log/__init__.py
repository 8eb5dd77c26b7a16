"""Log: the one truth, an append-only sequence of commits."""
