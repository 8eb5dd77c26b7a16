"""Watch: a list again and again: in place on a terminal, elsewhere whenever it has changed."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click

from quarterdeck.engine.cli import table
from quarterdeck.engine.cli.table import Column

OPTIONS = (
    click.option("--interval", type=click.FloatRange(min=0.1), default=1.0, help="Seconds between looks (default 1)."),
    click.option("-w", "--watch", "watched", is_flag=True, help="Go on looking, until Ctrl-C."),
)


async def watch(
    look: Callable[[], Awaitable[list[Any]]], columns: Sequence[Column], output: str, interval: float
) -> None:
    """Look for ever; JSON is an array a line."""
    import asyncio

    from rich.console import Console

    console = Console()
    show = _live(console) if console.is_terminal and output != "json" else _plain()
    try:
        while True:
            show(_written(await look(), columns, output))
            await asyncio.sleep(interval)
    finally:
        show(None)


def _written(items: list[Any], columns: Sequence[Column], output: str) -> str:
    import msgspec

    if output == "json":
        return msgspec.json.encode(items).decode()
    return table.table(columns, items, wide=output == "wide")


def _plain() -> Callable[[str | None], None]:
    last = ""

    def show(found: str | None) -> None:
        nonlocal last
        if found is not None and found != last:
            click.echo(found)
            last = found

    return show


def _live(console: Any) -> Callable[[str | None], None]:  # noqa: ANN401 - rich is imported late
    from rich.live import Live
    from rich.text import Text

    live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
    live.start()

    def show(found: str | None) -> None:
        if found is None:
            live.stop()
        else:
            live.update(Text(found, no_wrap=True, overflow="crop"), refresh=True)

    return show
