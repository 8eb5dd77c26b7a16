"""Tag: how the tags of what is in the read models change; each noun's own model tells them."""

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import parse_arn
from quarterdeck.events.tag import ResourceTagged, ResourceUntagged, TagEvent
from quarterdeck.projections.live.tag import with_tags, without_tags
from quarterdeck.projections.models import cluster, task

IN_ACCOUNT = {"cluster": "cluster", "capacity-provider": "capacity_provider"}
IN_CLUSTER = {
    "container-instance": ("container_instance", "id"),
    "service": ("service", "name"),
    "task": ("task", "id"),
    "task-set": ("deployment", "id"),
}
"""By kind of ARN: the table, and the column of the last part."""

DEFINITION = "SELECT number, tags FROM task_definition WHERE namespace = ? AND family = ? AND revision = ?"
DEFINITION_TAGGED = "UPDATE task_definition SET tags = ? WHERE number = ?"

Document = dict[str, Any]
Change = Callable[[list[shapes.Tag]], list[shapes.Tag]]

_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])
_tags = msgspec.json.Decoder(list[shapes.Tag])


class Fold:
    """How events change tags."""

    def __init__(self, connection: sqlite3.Connection, tasks: task.Fold) -> None:
        self._connection = connection
        self._tasks = tasks

    def tagged(self, event: ResourceTagged, commit: Commit, _number: int) -> None:
        """Add tags."""
        self._change(event, commit, lambda tags: with_tags(tags, event.tags))

    def untagged(self, event: ResourceUntagged, commit: Commit, _number: int) -> None:
        """Take tags away."""
        self._change(event, commit, lambda tags: without_tags(tags, event.keys))

    def _change(self, event: TagEvent, commit: Commit, change: Change) -> None:
        arn = parse_arn(event.resource)
        assert arn is not None
        name = arn.path[-1]
        if arn.kind == "task-definition":
            family, _, revision = name.rpartition(":")
            self._change_definition((commit.namespace, family, int(revision)), change)
        elif arn.kind in IN_ACCOUNT:
            self._change_document(IN_ACCOUNT[arn.kind], "namespace = ? AND name = ?", (commit.namespace, name), change)
        else:
            self._tasks.flush()
            table, column = IN_CLUSTER[arn.kind]
            name = "/".join(arn.path[2:]) if arn.kind == "task-set" else name
            inside = cluster.number(self._connection, commit.namespace, arn.path[0])
            self._change_document(table, f"cluster = ? AND {column} = ?", (inside, name), change)

    def _change_definition(self, key: tuple[str, str, int], change: Change) -> None:
        number, raw = self._connection.execute(DEFINITION, key).fetchone()
        self._connection.execute(DEFINITION_TAGGED, (msgspec.json.encode(change(_tags.decode(raw))), number))

    def _change_document(self, table: str, where: str, key: tuple[object, ...], change: Change) -> None:
        """Change a document's tags, if it is still there: tasks that stopped long ago are not."""
        row = self._connection.execute(f"SELECT number, doc FROM {table} WHERE {where}", key).fetchone()  # noqa: S608 - our own names
        if row is None:
            return
        number, raw = row
        doc = _raw.decode(raw)
        tags = change(_tags.decode(doc["tags"]) if "tags" in doc else [])
        doc["tags"] = msgspec.Raw(msgspec.json.encode(tags))
        self._connection.execute(f"UPDATE {table} SET doc = ? WHERE number = ?", (msgspec.json.encode(doc), number))  # noqa: S608
