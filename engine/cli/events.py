"""Events: prints the log, and follows it: one line an event, for people or in JSON."""

import sys
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import target
from quarterdeck.events.nouns import NOUNS

if TYPE_CHECKING:
    from quarterdeck.engine.cli.selection import Selection
    from quarterdeck.engine.commits import StoredCommit
    from quarterdeck.engine.settings import Settings
    from quarterdeck.events.catalog import AnyEvent

FOLLOWED_MAX = 100


@click.command
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="One line an event, as…")
@click.option("--noun", type=click.Choice(NOUNS), help="Only about these.")
@click.option("--id", "ident", default="", help="Only about this one: an id, how it begins, a name, or an ARN.")
@click.option("--type", "types", multiple=True, help="Only of this type, such as TaskStopped; may be repeated.")
@click.option("--cluster", default="", help="Only in this cluster.")
@click.option("--since", default="", help="Only from a time on (ISO 8601), or from a while ago (90s, 10m, 2h, 1d).")
@click.option("--limit", type=click.IntRange(1), help="Only the last so many.")
@target.options
def command(*, follow: bool, output: str, limit: int | None, **options: Any) -> None:  # noqa: ANN401 - click's
    """Print the log: time, position, who, what happened to what, and why.

    \b
    quarterdeck events --type TaskStopped -o json      why, when, and what followed
    quarterdeck events -f --noun service --id web      a service's life, as it goes on

    In JSON each line has the event with its commit: sequence, at, actor, cause; and, unless it follows the log,
    `followed`: the events that it led to.
    """  # noqa: D301 - click wants the character: what follows keeps its lines
    picked = _selection(**{name: options.pop(name) for name in ("noun", "ident", "types", "cluster", "since")})
    settings = target.settings(**options)
    target.run(_follow(settings, picked, output, limit) if follow else _print(settings, picked, output, limit))


def _selection(noun: str | None, ident: str, types: tuple[str, ...], cluster: str, since: str) -> "Selection":
    from quarterdeck.engine.cli import selection
    from quarterdeck.events.catalog import EVENT_TYPES

    unknown = [name for name in types if name not in EVENT_TYPES]
    if unknown:
        raise click.UsageError(f"There is no event {unknown[0]}. There are {', '.join(sorted(EVENT_TYPES))}.")
    try:
        begin = selection.since(since, _now()) if since else 0.0
    except ValueError as error:
        raise click.UsageError(f"--since: {error}") from error
    return selection.Selection(noun=noun or "", id=ident, types=types, cluster=cluster, since=begin)


def _now() -> float:
    from quarterdeck.engine.shell.clock import SystemClock

    return SystemClock().now()


async def _print(settings: "Settings", picked: "Selection", output: str, limit: int | None) -> None:
    from collections import deque

    from quarterdeck.engine.commits import caused

    matched: deque[tuple[StoredCommit, AnyEvent]] = deque(maxlen=limit)
    reactions: list[StoredCommit] = []
    async with await target.connect(settings, engine=True) as client:
        async for commit in client.follow(follow=False):
            matched.extend((commit, event) for event in picked.of(commit))
            if commit.cause and output == "json":
                reactions.append(commit)
    following = caused(reactions)
    for commit, event in matched:
        _say(commit, event, output, following)


async def _follow(settings: "Settings", picked: "Selection", output: str, limit: int | None) -> None:

    async with await target.connect(settings, engine=True) as client:
        async for commit in client.follow():
            for event in picked.of(commit):
                _say(commit, event, output, None)
                if limit is not None and (limit := limit - 1) == 0:
                    return


def _say(
    commit: "StoredCommit", event: "AnyEvent", output: str, following: "dict[str, list[StoredCommit]] | None"
) -> None:
    line = _text(commit, event) if output == "text" else _json(commit, event, following)
    click.echo(line)
    sys.stdout.flush()


def _text(commit: "StoredCommit", event: "AnyEvent") -> str:
    from quarterdeck.engine.cli.words import actor, plain, short, time, words
    from quarterdeck.events.catalog import noun, subject

    about = f"{noun(event).replace('_', ' ')} {short(subject(event))}"
    head = f"{time(commit.at)} {commit.sequence:>6}  {actor(commit.actor):<14} {type(event).__name__:<28} {about}"
    told = words(event)
    return plain(f"{head}  {told}" if told else head)


def _json(commit: "StoredCommit", event: "AnyEvent", following: "dict[str, list[StoredCommit]] | None") -> bytes:
    import msgspec

    line = _line(commit, event)
    if following is not None:
        line["followed"] = _followed(commit, following)
    return msgspec.json.encode(line)


def _line(commit: "StoredCommit", event: "AnyEvent") -> dict[str, object]:
    from quarterdeck.engine.cli.words import reason, time
    from quarterdeck.events.catalog import noun, subject

    line: dict[str, object] = {
        "sequence": commit.sequence,
        "at": time(commit.at),
        "type": type(event).__name__,
        "noun": noun(event),
        "id": subject(event),
        "why": reason(event),
        "actor": commit.actor,
        "operation": commit.operation,
        "commit": commit.id,
        "cause": commit.cause,
        "namespace": commit.namespace,
        "event": event,
    }
    return {name: value for name, value in line.items() if value != ""}


def _followed(commit: "StoredCommit", following: "dict[str, list[StoredCommit]]") -> list[dict[str, object]]:
    """List what a commit led to, and what that led to, in the order of the log; at most FOLLOWED_MAX."""
    found: list[dict[str, object]] = []
    waiting = [commit.id]
    while waiting and len(found) < FOLLOWED_MAX:
        for led_to in following.get(waiting.pop(0), []):
            waiting.append(led_to.id)
            found += [_line(led_to, event) for event in led_to.events]
    return found[:FOLLOWED_MAX]
