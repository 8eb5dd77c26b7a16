"""Completion: the script that makes a shell complete commands, options and live names."""

import click

VARIABLES = {"quarterdeck": "_QUARTERDECK_COMPLETE", "qd": "_QD_COMPLETE"}


@click.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes `quarterdeck` and `qd` in SHELL.

    \b
    bash: eval "$(quarterdeck completion bash)"       in ~/.bashrc
    zsh:  eval "$(quarterdeck completion zsh)"        in ~/.zshrc, after compinit
    fish: quarterdeck completion fish | source        in ~/.config/fish/config.fish

    Names of clusters, services, tasks and so on come from the engine that the options before them mean.
    """  # noqa: D301 - click wants the character: what follows keeps its lines
    from click.shell_completion import get_completion_class

    from quarterdeck.engine.cli import main

    maker = get_completion_class(shell)
    assert maker is not None, shell
    for program, variable in VARIABLES.items():
        made = maker(main, {}, program, variable)
        click.echo(made.source_template % made.source_vars())
