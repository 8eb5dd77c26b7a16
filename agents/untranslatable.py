"""Untranslatable: what is raised when no runtime here can carry out what a definition asks for."""


class Untranslatable(Exception):
    """The definition asks for something that is not carried out here; the text is the task's stopped reason."""
