"""What never stands in the project: unfinished marks, addresses of one machine, what only its makers know."""

import re
from pathlib import Path

from tests.tree.source import ROOT, tracked

TEXT = {
    ".py",
    ".toml",
    ".md",
    ".txt",
    ".html",
    ".css",
    ".js",
    ".json",
    ".yml",
    ".yaml",
    ".cfg",
    ".ini",
    ".mako",
    ".sh",
    ".tf",
    ".xml",
    "",
}
MARKS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE = re.compile(r"(?<![\w.>])/(?:work|root|home/[a-z]+|Users/[A-Za-z]+)/[\w.]")
REGISTRY = re.compile(r"(?:index-url|extra-index-url|find-links|trusted-host)|pypi\.org/simple|/simple/\w", re.IGNORECASE)
GIVEN = "tests/fixtures/exports"  # exports as platforms write them: not ours to change


def _lines() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in TEXT and not name.startswith(GIVEN) and name != Path(__file__).relative_to(ROOT).as_posix():
            lines = path.read_text("utf-8", errors="replace").splitlines()
            found += [(f"{name}:{number}", line) for number, line in enumerate(lines, start=1)]
    return found


def _with(pattern: re.Pattern[str]) -> list[str]:
    return [f"{place}: {line.strip()[:100]}" for place, line in _lines() if pattern.search(line)]


def test_nothing_is_marked_as_unfinished() -> None:
    assert _with(MARKS) == []


def test_no_path_of_one_machine_is_written_down() -> None:
    assert _with(MACHINE) == []


def test_no_package_index_is_written_down() -> None:
    assert _with(REGISTRY) == []


def test_the_patterns_see_what_they_are_for() -> None:
    assert MARKS.search("# TO" + "DO: later")
    assert MACHINE.search("cd /ro" + "ot/project")
    assert REGISTRY.search("pip install --index" + "-url http://mirror")
    assert not MACHINE.search("<site>/work/root/x")
