"""The house rules that no linter knows: sizes, docstrings, purity, dead modules, and a map that is true."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "events", "projections", "agents")
GENERATED = {"events/constraints.py", "events/shapes.py", "engine/client.py"}

# Ratchets: they may only fall.
MODULE_LINES_MAX = 300
MODULE_LINES_MEDIAN_MAX = 150
FUNCTION_LINES_MAX = 50
FUNCTION_LINES_MEDIAN_MAX = 10

PURE = ("engine/core/", "projections/live/", "events/")
NOT_PURE = ("events/log/",)

# Modules that are started, not imported.
ENTRY_POINTS = ("engine/cli/",)
# Where modules wait for their users to be written: off this list as soon as none is left waiting there.
AWAITED: tuple[str, ...] = ()

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> list[str]:
    """Everything in the repository, links and new files too, as git sees it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(path for path in set(listing) if (ROOT / path).exists())


def modules(*tops: str) -> list[str]:
    """The Python files of some top-level folders, but for generated ones."""
    return [path for path in files() if path.endswith(".py") and path.split("/")[0] in tops and path not in GENERATED]


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), path)


def functions(path: str) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def lines_of_function(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


CODE = modules(*PACKAGES, "tools")


def test_modules_are_short() -> None:
    lines = {path: (ROOT / path).read_text().count("\n") for path in CODE}
    assert {path: count for path, count in lines.items() if count > MODULE_LINES_MAX} == {}
    assert median(lines.values()) <= MODULE_LINES_MEDIAN_MAX


def test_functions_are_short() -> None:
    lines = {f"{path}:{function.name}": lines_of_function(function) for path in CODE for function in functions(path)}
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES_MAX} == {}
    assert median(lines.values()) <= FUNCTION_LINES_MEDIAN_MAX


@pytest.mark.parametrize("path", CODE)
def test_what_is_public_is_described(path: str) -> None:
    members = [tree(path), *(node for node in tree(path).body if isinstance(node, Function | ast.ClassDef))]
    nameless = [member for member in members if ast.get_docstring(member) is None]
    assert [node.name for node in nameless if not isinstance(node, ast.Module) and not node.name.startswith("_")] == []
    assert tree(path) not in nameless


def test_pure_modules_do_not_wait() -> None:
    pure = [path for path in modules(*PACKAGES) if path.startswith(PURE) and not path.startswith(NOT_PURE)]
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert [path for path in pure if any(isinstance(node, waiting) for node in ast.walk(tree(path)))] == []


def imported_by(path: str) -> Iterator[str]:
    """The names a module imports, with each name it imports from a module taken for a module too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_module_is_dead() -> None:
    """A test counts as a user: doubles and contract suites live on it."""
    used = {name for path in modules("src", "tests", "tools", *PACKAGES) for name in imported_by(path)}
    unused = {
        path
        for path in modules(*PACKAGES)
        if "quarterdeck." + path.removesuffix(".py").replace("/", ".") not in used
        and not path.startswith(ENTRY_POINTS)
        and PurePosixPath(path).name not in {"__init__.py", "__main__.py"}
    }
    assert {path for path in unused if not path.startswith(AWAITED)} == set(), "nobody imports these"
    settled = [prefix for prefix in AWAITED if not any(path.startswith(prefix) for path in unused)]
    assert settled == [], "take these off AWAITED in tests/test_tidy.py: all is used there now"


def test_the_test_tree_mirrors_the_code_tree() -> None:
    """A folder tests/engine/core has a folder engine/core, or a module of that name, that it tests."""
    folders = {PurePosixPath(path).parent.relative_to("tests") for path in modules("tests")}
    mirrored = [folder for folder in folders if folder.parts[:1] and folder.parts[0] in PACKAGES]
    code = {PurePosixPath(path).with_suffix("") for path in CODE} | {PurePosixPath(path).parent for path in CODE}
    assert sorted(str(folder) for folder in mirrored if folder not in code) == []


def test_the_map_in_the_readme_is_true() -> None:
    """README has a fenced block `tree`: a folder a line, two spaces deeper inside its parent, then what it is for."""
    block = re.search(r"^```tree\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert block, "README.md has no block ```tree"
    shown: list[str] = []
    top = ""
    for indent, name in re.findall(r"^( *)([^\s/]+)/", block.group(1), re.MULTILINE):
        top = top if indent else name
        shown.append(f"{top}/{name}" if indent else name)
    folders = {parent for path in files() for parent in PurePosixPath(path).parents}
    there = {str(folder) for folder in folders if len(folder.parts) in {1, 2} and not str(folder).startswith(".")}
    assert sorted(shown) == sorted(there)
