"""The live view: the fold the keeper decides on, with the indexes that placement needs. Pure."""
