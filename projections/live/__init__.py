"""Live view: the fold in memory that decisions are taken on."""
