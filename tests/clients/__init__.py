"""Programs that nobody here wrote, unmodified, pointed at a running `up` by what `quarterdeck env` prints."""
