"""CLI: the commands quarterdeck and qd.

Each command is a module beside this one, imported when it is asked for: help and completion must not wait for the rest.
Exit codes: 0 done · 1 refused or failed · 2 wrong usage · 3 nothing answers.
"""

import importlib

import click

COMMANDS = {
    "up": "Run everything here: NATS, an engine, container instances.",
    "engine": "Run an engine against a NATS server.",
    "agent": "Run one container instance's agent on this host.",
    "demo": "Take a guided tour that ends by itself.",
    "env": "Print the variables that point AWS's tools and NATS clients here.",
    "key": "Create, list and delete access keys.",
    "secret": "Store, list and delete the secrets that tasks get.",
    "cluster": "List and describe clusters.",
    "instance": "List, describe, drain, activate and deregister container instances.",
    "task-definition": "List and describe task definitions.",
    "service": "List and describe services.",
    "task": "List and describe tasks.",
    "run": "Run tasks of a task definition.",
    "deploy": "Bring a new image, or task definition, to a service, and see it roll out.",
    "scale": "Set how many tasks a service has.",
    "stop": "Stop a task.",
    "logs": "Print or follow what the containers of a task or service wrote.",
    "exec": "Run a command in a container of a task, with this terminal.",
    "status": "Show clusters, container instances and services.",
    "events": "Print or follow the log.",
    "call": "Carry out one operation of ECS, given as JSON.",
    "explain": "Show why tasks are where they are, or nowhere.",
    "completion": "Print the script that completes commands and live names in a shell.",
    "version": "Print the version.",
}


class Commands(click.Group):
    """The commands, by name; only the one that is run is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name them in the order in which they are learnt."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest what was meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            close = [each for each in COMMANDS if each.startswith(name[:2])]
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Quarterdeck: a container orchestrator with the API of Amazon ECS, whose only truth is an event log.

    `quarterdeck up` starts it here; `quarterdeck demo` shows what it does.
    """
