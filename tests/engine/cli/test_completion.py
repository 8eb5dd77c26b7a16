"""A shell completes commands, options and live names, and never shows an error for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from quarterdeck.engine.cli import main
from tests.engine.up_process import QUARTERDECK, command, environment


def completed(*words: str) -> list[str]:
    found = ShellComplete(main, {}, "quarterdeck", "_QUARTERDECK_COMPLETE").get_completions(list(words[:-1]), words[-1])
    return sorted(each.value for each in found)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_completes_both_names_of_the_program(shell: str, tmp_path: Path) -> None:
    ran = command("completion", shell)
    assert ran.returncode == 0
    assert "_QUARTERDECK_COMPLETE" in ran.stdout
    assert "_QD_COMPLETE" in ran.stdout
    if found := shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(ran.stdout)
        subprocess.run([found, "-n", str(script)], check=True)


def test_another_shell_is_wrong_usage() -> None:
    assert command("completion", "csh").returncode == 2


def test_commands_are_completed() -> None:
    assert completed("ta") == ["task", "task-definition"]
    assert completed("instance", "d") == ["deregister", "describe", "drain"]
    assert "--image" in completed("deploy", "web", "--i")
    assert completed("no-such-command", "x") == []


def test_where_nothing_runs_nothing_is_offered_and_nothing_said() -> None:
    env = {**environment(), "_QUARTERDECK_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    env["COMP_WORDS"] = "quarterdeck scale "
    program = "from quarterdeck.engine.cli import main; main(prog_name='quarterdeck')"
    ran = subprocess.run([QUARTERDECK[0], "-c", program], capture_output=True, text=True, env=env, check=False)
    assert (ran.stdout.strip(), ran.stderr) == ("", "")
