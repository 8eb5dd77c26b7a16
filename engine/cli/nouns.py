"""Nouns: how things of each kind are found and shown; `ls` and `describe` are made of it for each noun."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import names, people, table, target, watch
from quarterdeck.engine.cli.table import Column

if TYPE_CHECKING:
    from quarterdeck.engine.remote import RemoteClient

ID_DIGITS = 32
Sections = Callable[[Any], list[tuple[str, Sequence[Column], list[Any]]]]


@dataclass(frozen=True)
class Noun:
    """A kind of thing: its name in operations, how many are described at once, and what is shown of it."""

    name: str
    columns: Sequence[Column]
    at_once: int = 100
    include: Sequence[str] = ()
    states: Sequence[str] = ()
    sections: Sections = field(default=lambda _item: [])

    @property
    def words(self) -> str:
        """Its name for people."""
        return self.name.replace("_", " ")

    @property
    def has_ids(self) -> bool:
        """Whether one is named by 32 hex digits, of which the first will do."""
        return self.name in {"task", "container_instance"}


async def described(
    client: "RemoteClient", noun: Noun, cluster: str | None, wanted: Sequence[str], include: Sequence[str] = ()
) -> list[Any]:
    """Describe those that are there, in the order asked for. Raises Refusal, Unreachable."""
    from quarterdeck.engine.overview import chunks

    if noun.name == "task_definition":
        return [(await client.describe_task_definition(task_definition=each)).task_definition for each in wanted]
    where = {"cluster": cluster} if noun.name in names.IN_CLUSTER else {}
    more = {"include": list(include)} if include else {}
    ask = getattr(client, f"describe_{noun.name}s")
    found: list[Any] = []
    for part in chunks(wanted, noun.at_once):
        answer = await ask(**where, **more, **{f"{noun.name}s": part})
        found += getattr(answer, f"{noun.name}s") or []
    return found


async def every(client: "RemoteClient", noun: Noun, cluster: str | None, **filters: object) -> list[Any]:
    """Describe all there are."""
    arns = await names.listed(client, noun.name, cluster, **filters)
    return await described(client, noun, cluster, arns)


async def one(client: "RemoteClient", noun: Noun, cluster: str | None, given: str) -> Any:  # noqa: ANN401 - a shape
    """Describe the one that is meant, by name, ARN or how its id begins; end with 1 when there is none."""
    name = await _full(client, noun, cluster, given) if noun.has_ids else given
    if noun.name == "task_definition":
        return await _task_definition(client, noun, given)
    found = await described(client, noun, cluster, [name], noun.include)
    if not found:
        raise await _missing(client, noun, cluster, given)
    return found[0]


async def _task_definition(client: "RemoteClient", noun: Noun, given: str) -> Any:  # noqa: ANN401 - a shape
    from quarterdeck.engine.core.errors import ClientException

    try:
        return (await described(client, noun, None, [given]))[0]
    except ClientException as error:
        raise await _missing(client, noun, None, given) from error


async def _full(client: "RemoteClient", noun: Noun, cluster: str | None, given: str) -> str:
    from quarterdeck.events.names import short_name

    if given.startswith("arn:") or len(given) == ID_DIGITS:
        return given
    filters: Sequence[dict[str, object]] = [{"desired_status": each} for each in noun.states] or [{}]
    arns = [arn for each in filters for arn in await names.listed(client, noun.name, cluster, **each)]
    found = sorted({short_name(arn) for arn in arns if given and short_name(arn).startswith(given)})
    if not found:
        raise await _missing(client, noun, cluster, given)
    if len(found) > 1:
        raise click.ClickException(
            f"{len(found)} {noun.words}s begin with {given}: {', '.join(found)}. Give more of it."
        )
    return found[0]


async def _missing(client: "RemoteClient", noun: Noun, cluster: str | None, given: str) -> click.ClickException:
    from difflib import get_close_matches

    from quarterdeck.events.names import short_name

    there = [short_name(arn) for arn in await names.listed(client, noun.name, cluster)]
    close = get_close_matches(short_name(given), there)
    where = f" in cluster {short_name(cluster or 'default')}" if noun.name in names.IN_CLUSTER else ""
    hint = f" Did you mean {' or '.join(close)}?" if close and not noun.has_ids else ""
    command = noun.name.replace("container_", "").replace("_", "-")
    more = f"{' --cluster ' + cluster if cluster and where else ''}"
    return click.ClickException(
        f"There is no {noun.words} {given}{where}.{hint} `quarterdeck {command} ls{more}` shows what there is."
    )


def echo_one(noun: Noun, item: object, output: str) -> None:
    """Print one thing in full, or as JSON."""
    if output == "json":
        click.echo(table.json(item))
        return
    click.echo(table.card(noun.columns, item))
    for title, columns, rows in noun.sections(item):
        if rows:
            click.echo(f"\n{title}\n{table.table(columns, rows, wide=output == 'wide')}")


def group(noun: Noun, about: str, *filters: Callable[[Any], Any]) -> click.Group:
    """Make a noun's command, with `ls` and `describe`."""
    made = click.Group("command", help=about)
    made.add_command(_ls(noun, filters))
    made.add_command(_describe(noun))
    return made


def _ls(noun: Noun, filters: Sequence[Callable[[Any], Any]]) -> click.Command:
    def ls(output: str, *, watched: bool, interval: float, **options: Any) -> None:  # noqa: ANN401 - click's
        given = {name[1:]: options.pop(name) for name in list(options) if name.startswith("_")}
        wanted = {name: value for name, value in given.items() if value is not None}
        cluster = options.get("cluster")

        async def work(client: "RemoteClient") -> None:
            async def look() -> list[Any]:
                return await every(client, noun, cluster, **wanted)

            if watched:
                await watch.watch(look, noun.columns, output, interval)
            table.echo(noun.columns, await look(), output)

        people.run(options, work)

    return _command(noun, "ls", ls, f"List {noun.words}s.", (*watch.OPTIONS, people.OUTPUT, *filters))


def _describe(noun: Noun) -> click.Command:
    def describe(name: str, output: str, **options: Any) -> None:  # noqa: ANN401 - click's
        cluster = options.get("cluster")

        async def work(client: "RemoteClient") -> None:
            echo_one(noun, await one(client, noun, cluster, name), output)

        people.run(options, work)

    options = (people.OUTPUT, names.argument(noun.name, "name"))
    return _command(noun, "describe", describe, f"Show all about one {noun.words}.", options)


def _command(
    noun: Noun, name: str, function: Callable[..., None], about: str, options: Sequence[Callable[[Any], Any]]
) -> click.Command:
    where = (people.CLUSTER,) if noun.name in names.IN_CLUSTER else ()
    made: Any = function
    for option in (target.options, *where, *options):
        made = option(made)
    command: click.Command = click.command(name, help=about)(made)
    return command
