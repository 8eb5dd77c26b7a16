"""Key: access keys on the command line."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner, Result

from quarterdeck.engine.api.keys import Keys
from quarterdeck.engine.cli.key import command


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments, "--data", str(data)], env={"HOME": str(data)})


def test_a_created_key_is_printed_for_the_shell(tmp_path: Path) -> None:
    said = run(tmp_path, "create", "--account", "123456789012", "--user", "ann").output
    found = re.fullmatch(r"export AWS_ACCESS_KEY_ID=(\S+)\nexport AWS_SECRET_ACCESS_KEY=(\S+)\n", said)
    (key,) = Keys(tmp_path).all()
    assert found is not None
    assert (key.id, key.secret) == found.groups()
    assert key.principal == "arn:aws:iam::123456789012:user/ann"


def test_keys_are_listed_without_their_secrets_and_deleted(tmp_path: Path) -> None:
    key = Keys(tmp_path).create("123456789012", 0.0)
    said = run(tmp_path, "list").output
    assert said == f"{key.id}  123456789012  1970-01-01T00:00:00+00:00  operator\n"
    assert run(tmp_path, "delete", key.id).exit_code == 0
    assert Keys(tmp_path).all() == []


def test_what_cannot_be_done_says_why(tmp_path: Path) -> None:
    gone = run(tmp_path, "delete", "AKIAQAAAAAAANOPTZKWC")
    assert (gone.exit_code, gone.output) == (1, "Error: There is no access key AKIAQAAAAAAANOPTZKWC.\n")
    assert run(tmp_path, "create", "--user", "a/b").exit_code == 2
    assert run(tmp_path, "create", "--account", "12").exit_code == 2
