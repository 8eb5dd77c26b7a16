"""Stored log: what a container wrote, as an object that outlives its instance. Pure.

The object ``<region>/<account>/<task>/<container>.log.gz`` of the bucket QD_LOGS is a gzip of records: one a line,
nanoseconds since the epoch, the stream's letter, and the bytes written (`o` and `e` for a whole line of stdout or
stderr, `O` and `E` for a part that had no end).
"""

from quarterdeck.events.names import Namespace

BUCKET = "QD_LOGS"


def stored_name(namespace: Namespace, task: str, container: str) -> str:
    """Name the object of a container."""
    return f"{namespace.region}/{namespace.account}/{task}/{container}.log.gz"
