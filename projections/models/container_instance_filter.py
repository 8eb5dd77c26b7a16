"""Container instance filter: the instances that a test of their facts is true of, page by page."""

import sqlite3
from collections.abc import Callable, Mapping

import msgspec

from quarterdeck.events import shapes
from quarterdeck.projections.models import cluster

SELECT = """
SELECT number, id, connected, doc, running
FROM container_instance JOIN container_instance_count ON container_instance = number
WHERE cluster = :cluster AND number > :after
  AND (status = :status OR (:status IS NULL AND status <> 'INACTIVE'))
ORDER BY number
"""
GROUPS = """
SELECT DISTINCT json_extract(CAST(doc AS TEXT), '$.group') FROM task WHERE container_instance = ? AND last <> 'STOPPED'
"""

_doc = msgspec.json.Decoder(shapes.ContainerInstance)


class Facts:
    """What is known of one instance; its tasks' groups are looked up when they are asked for."""

    def __init__(self, connection: sqlite3.Connection, row: tuple[int, str, bool, bytes, int]) -> None:
        self._connection = connection
        self.number, self.id, connected, raw, self.running = row
        doc = _doc.decode(raw)
        self.connected = bool(connected)
        self.attributes = {each.name or "": each.value or "" for each in doc.attributes or []}
        self.zone = self.attributes.get("ecs.availability-zone", "")
        self.agent_version = (doc.version_info.agent_version or "") if doc.version_info is not None else ""
        self.ec2_instance_id = doc.ec2_instance_id or ""
        self.registered_at = float(doc.registered_at or 0.0)

    @property
    def groups(self) -> list[str]:
        """The groups of the tasks that are not STOPPED."""
        return [group for (group,) in self._connection.execute(GROUPS, (self.number,))]


def matching(
    connection: sqlite3.Connection,
    namespace: str,
    name: str,
    parameters: Mapping[str, object],
    test: Callable[[Facts], bool],
) -> list[tuple[int, str]]:
    """Find the first instances, as many as ``limit`` says, that the test is true of."""
    inside = cluster.number(connection, namespace, name)
    found = []
    for row in connection.execute(SELECT, {"cluster": inside, **parameters}):
        facts = Facts(connection, row)
        if test(facts):
            found.append((facts.number, facts.id))
            if len(found) == parameters["limit"]:
                break
    return found
