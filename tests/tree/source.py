"""The project's own source, as syntax trees: what the tests of the tree look at."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("preservation", "flows")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    """Every module of the packages, relative to the project."""
    return sorted(path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@cache
def tree(module: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse((ROOT / module).read_text("utf-8"))


def functions(module: Path) -> Iterator[Function]:
    """Every function and method of a module."""
    yield from (node for node in ast.walk(tree(module)) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines from the signature to the end, without the docstring: prose is welcome."""
    end = function.end_lineno or function.lineno
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        return end - function.lineno + 1 - ((first.end_lineno or first.lineno) - first.lineno + 1)
    return end - function.lineno + 1


def tracked() -> list[Path]:
    """Every file that git knows or would add; without git, every file that is not made by tools."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return [ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name and (ROOT / name).is_file()]
    made = {"var", "build", "__pycache__"}
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [
        ROOT / path
        for path in paths
        if not any(part in made or part.startswith(".") or part.endswith("-info") for part in path.parts)
    ]
