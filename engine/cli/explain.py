"""Explain: why tasks are where they are, or nowhere: every instance's verdict, asked of the engine."""

from typing import TYPE_CHECKING, Any

import click

from quarterdeck.engine.cli import dry_run as dry
from quarterdeck.engine.cli import table, target

if TYPE_CHECKING:
    from quarterdeck.engine.settings import Settings
    from quarterdeck.events.own import ExplainPlacementResponse, PlacementDecision, PlacementVerdict

KINDS = ("task", "service", "placement")


@click.command
@click.argument("words", nargs=-1, required=True, metavar="[task|service|placement] NAME")
@click.option("--cluster", default="default", show_default=True, help="The cluster.")
@click.option("--dry-run", is_flag=True, help="NAME is a task definition: where would a task of it go now?")
@click.option("--service", default="", help="With --dry-run: as a task of this service.")
@dry.options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="A table or JSON.")
@target.options
def command(
    words: tuple[str, ...],
    cluster: str,
    service: str,
    output: str,
    *,
    dry_run: bool,
    **options: Any,  # noqa: ANN401 - click's
) -> None:
    """Show why tasks are where they are, or nowhere.

    \b
    quarterdeck explain TASK                 an id, how it begins, or an ARN
    quarterdeck explain service web          what it waits for now, and where its next task would go
    quarterdeck explain placement 57         all placed, or not, at a position of the log or in a commit (1.23)
    quarterdeck explain --dry-run job:3      where a task would go now, and what stops it
    quarterdeck explain --dry-run job:3 --constraint 'attribute:rack == a' --strategy binpack=cpu

    The log is folded up to the moment of the decision, and every instance judged by the same rule. Ends with 1
    should that not choose what was chosen.
    """  # noqa: D301 - click wants the character: what follows keeps its lines
    asked = _asked(words, service, dry.taken(options), dry_run=dry_run)
    target.run(_explain(target.settings(**options), {"cluster": cluster, **asked}, output))


def _asked(words: tuple[str, ...], service: str, members: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
    *kinds, name = words
    if len(kinds) > 1 or any(each not in KINDS for each in kinds) or (not dry_run and words[0] in KINDS and not kinds):
        raise click.UsageError(f"Say what to explain: {', '.join(KINDS)}, and then which one.")
    if dry_run:
        if kinds:
            raise click.UsageError("--dry-run is about a task definition: name only that.")
        return {"task_definition": name, **({"service": service} if service else {}), **members}
    if service:
        raise click.UsageError("--service goes with --dry-run; or: quarterdeck explain service NAME")
    if members:
        raise click.UsageError(f"{', '.join(sorted(members))}: only a --dry-run can be told; the log says the others.")
    return {kinds[0] if kinds else "task": name}


async def _explain(settings: "Settings", asked: dict[str, Any], output: str) -> None:
    async with await target.connect(settings) as client:
        found = await client.explain_placement(**asked)
    if output == "json":
        click.echo(table.json(found))
    else:
        _print(found)
    if any(each.agrees is False for each in found.decisions or []):
        raise click.ClickException("The same rule on the same state chooses another instance: please report this.")


def _print(found: "ExplainPlacementResponse") -> None:
    if found.waiting_for is not None:
        click.echo("waits for nothing" if not found.waiting_for else "waits for")
        for each in found.waiting_for:
            click.echo(f"  {each}")
    for decision in found.decisions or []:
        click.echo(_said(decision))
        _table(decision)


def _said(decision: "PlacementDecision") -> str:
    """Say what was decided, and why."""
    from quarterdeck.engine.cli.words import time
    from quarterdeck.events.names import short_name

    place = f"{short_name(decision.container_instance_arn or '')} in {decision.zone}"
    who = f"Task {decision.task}" if decision.task else "A task"
    match decision.outcome:
        case "QUEUED":
            said = [
                f"{who} of {decision.group}, {decision.task_definition}",
                "found no place, and began to wait for one",
            ]
        case "FAILED" if decision.task:
            said = [f"{who} of {decision.group}, {decision.task_definition}", "found no place in time"]
        case "FAILED":
            said = [f"{decision.count} of {decision.task_definition} for {decision.group} could be placed nowhere"]
        case "DRY_RUN":
            would = f"would go to {place}" if decision.container_instance_arn else "would find no place"
            said = [f"{who} of {decision.task_definition} for {decision.group} {would} now."]
        case _:
            said = [f"Task {decision.task} of {decision.group}, {decision.task_definition}", f"was placed on {place}"]
    if decision.sequence is not None:
        said.append(f"at position {decision.sequence}, {time(decision.at or 0.0)}, by {decision.actor}.")
    if decision.outcome == "STARTED":
        said.append("Nothing was chosen: the caller named the instance, or its service runs on every one.")
    else:
        said.append(f"Preferred: {decision.preference}.")
        said += [f"Decided by {decision.tie_break}."] if decision.tie_break else []
    return "\n".join(said)


def _table(decision: "PlacementDecision") -> None:
    from quarterdeck.engine.cli.table import aligned
    from quarterdeck.engine.cli.words import short

    verdicts = decision.verdicts or []
    if not verdicts:
        click.echo("The cluster has no container instances.")
        return
    scores = next((list(each.scores or {}) for each in verdicts if each.scores), [])
    own = [each for each in scores if each not in {"attribute:ecs.availability-zone", "instanceId"}]
    titles = [
        "",
        "CONTAINER INSTANCE",
        "ZONE",
        "TASKS IN ZONE",
        "TASKS ON IT",
        *(each.upper() for each in own),
        "VERDICT",
    ]
    rows = [
        [
            "->" if each.container_instance_arn == decision.container_instance_arn else "",
            short(each.container_instance_arn or ""),
            each.zone or "",
            str(each.zone_tasks),
            str(each.instance_tasks),
            *(str((each.scores or {}).get(name, "")) for name in own),
            _verdict(each),
        ]
        for each in verdicts
    ]
    click.echo(aligned([titles, *rows]))


def _verdict(verdict: "PlacementVerdict") -> str:
    if verdict.fits:
        return "fits"
    return f"{verdict.reason}: {verdict.detail}" if verdict.detail else str(verdict.reason)
