"""Tools that developers run; not installed."""
