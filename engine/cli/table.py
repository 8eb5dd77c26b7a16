"""Table: things in columns, as plain text that is never cut: it is read by people and by grep."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import click

GAP = "  "


class Column(NamedTuple):
    """A column: its title, what is in it, and whether it is only for `-o wide`."""

    title: str
    value: Callable[[Any], object]
    wide: bool = False


def text(value: object, *, wide: bool = True) -> str:
    """Write a value: ARNs shortened, in a table ids too; lists with commas; nothing as a dash."""
    from quarterdeck.engine.cli.words import plain, short
    from quarterdeck.events.names import short_name

    match value:
        case None | "" | []:
            return "-"
        case bool():
            return str(value).upper()
        case str():
            name = short_name(value) if value.startswith("arn:") else plain(value)
            return name if wide else short(name)
        case list():
            return ", ".join(text(each, wide=wide) for each in value)
        case _:
            return str(value)


def when(at: float | None) -> str:
    """Write a time as ISO 8601, in UTC."""
    from quarterdeck.engine.cli.words import time

    return "" if at is None else time(at)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Put rows below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def table(columns: Sequence[Column], items: Sequence[object], *, wide: bool) -> str:
    """Write a row for each item under a line of titles."""
    shown = [column for column in columns if wide or not column.wide]
    cells = [[text(column.value(item), wide=wide) for column in shown] for item in items]
    return aligned([[column.title.upper() for column in shown], *cells])


def card(columns: Sequence[Column], item: object) -> str:
    """Write a line for each column of one item."""
    return aligned([[column.title, text(column.value(item))] for column in columns])


def json(value: object) -> str:
    """Write what the engine answered, in ECS's spelling."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def echo(columns: Sequence[Column], items: Sequence[object], output: str) -> None:
    """Print items as asked: a table, a wide one, or a JSON array."""
    click.echo(json(items) if output == "json" else table(columns, items, wide=output == "wide"))
