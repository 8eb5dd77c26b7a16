"""Attribute: the custom attributes of container instances in their read model, and the list of all."""

import sqlite3
from collections.abc import Mapping

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.commit import Commit
from quarterdeck.events.container_instance import AttributesDeleted, AttributesPut
from quarterdeck.events.names import Namespace
from quarterdeck.projections.models import cluster, container_instance
from quarterdeck.projections.models.database import Database
from quarterdeck.projections.models.page import Page, whole

UPDATE = "UPDATE container_instance SET doc = ? WHERE number = ?"
LIST = """
SELECT number, each.key, container_instance.id, each.value ->> '$.name' AS attribute, each.value ->> '$.value' AS given
FROM container_instance, json_each(CAST(doc AS TEXT), '$.attributes') AS each
WHERE cluster = :cluster AND status <> 'INACTIVE' AND number >= :number AND (number, each.key) > (:number, :place)
  AND (:name IS NULL OR attribute = :name) AND (:value IS NULL OR given = :value)
ORDER BY number, each.key LIMIT :limit
"""
"""In order of registration: SQLite opens no more documents than the page needs, unless it has to look for a name."""

_doc = msgspec.json.Decoder(shapes.ContainerInstance)


class ListedAttributes(msgspec.Struct, frozen=True):
    """One page; `after` asks for the next, None says there is none."""

    items: list[shapes.Attribute]
    after: str | None = None


class Fold:
    """How events change attributes."""

    def __init__(self, connection: sqlite3.Connection, instances: container_instance.Fold) -> None:
        self._connection = connection
        self._instances = instances

    def put(self, event: AttributesPut, commit: Commit, _number: int) -> None:
        """Add attributes; those of a name that is there get another value."""
        number, doc = self._load(event, commit)
        values = {each.name: each for each in (*(doc.attributes or []), *event.attributes)}
        self._store(number, doc, list(values.values()))

    def deleted(self, event: AttributesDeleted, commit: Commit, _number: int) -> None:
        """Take attributes away."""
        number, doc = self._load(event, commit)
        self._store(number, doc, [each for each in doc.attributes or [] if each.name not in event.names])

    def _load(self, event: AttributesPut | AttributesDeleted, commit: Commit) -> tuple[int, shapes.ContainerInstance]:
        number = self._instances.changed(event, commit)
        (raw,) = self._connection.execute(container_instance.DOC, (number,)).fetchone()
        return number, _doc.decode(raw)

    def _store(self, number: int, doc: shapes.ContainerInstance, attributes: list[shapes.Attribute]) -> None:
        changed = msgspec.structs.replace(doc, attributes=attributes)
        self._connection.execute(UPDATE, (msgspec.json.encode(changed), number))


class Attributes:
    """What there is to ask about attributes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, namespace: Namespace, cluster: str, page: Page, *, name: str | None = None, value: str | None = None
    ) -> ListedAttributes:
        """List attributes of instances that are not INACTIVE, of one name and value if asked. Raises InvalidPage."""
        number, place = _place(page)
        parameters = {"number": number, "place": place, "name": name, "value": value, "limit": page.limit + 1}
        rows = await self._database.read(_list, str(namespace), cluster, parameters)
        items = [
            shapes.Attribute(name=name, value=value, target_id=namespace.container_instance_arn(cluster, instance))
            for _, _, instance, name, value in rows[: page.limit]
        ]
        last = rows[page.limit - 1] if len(rows) > page.limit else None
        return ListedAttributes(items, f"{last[0]}/{last[1]}" if last else None)


def _list(
    connection: sqlite3.Connection, namespace: str, name: str, parameters: Mapping[str, object]
) -> list[tuple[int, int, str, str, str | None]]:
    inside = cluster.number(connection, namespace, name)
    return connection.execute(LIST, {"cluster": inside, **parameters}).fetchall()


def _place(page: Page) -> tuple[int, int]:
    if page.after is None:
        return 0, -1
    number, _, place = page.after.partition("/")
    return whole(number), whole(place)
