"""Only the gate issues a clearance."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GATE = Path("preservation/stages/consent/gate.py")
DEFINED_IN = Path("preservation/model/clearance.py")


def _names_issue(path: Path) -> bool:
    """Whether a module spells `_issue` as a name, an attribute, a parameter's value or a string."""
    tree = ast.parse(path.read_text("utf-8"))
    spelled = {getattr(node, field, None) for node in ast.walk(tree) for field in ("attr", "id", "name", "value", "arg")}
    return "_issue" in {word for word in spelled if isinstance(word, str)}


def _modules() -> list[Path]:
    return sorted(path.relative_to(ROOT) for folder in ("preservation", "flows") for path in (ROOT / folder).rglob("*.py"))


def test_only_the_gate_issues_a_clearance() -> None:
    assert [module for module in _modules() if _names_issue(ROOT / module)] == [DEFINED_IN, GATE]


def test_the_gate_issues_in_one_place() -> None:
    tree = ast.parse((ROOT / GATE).read_text("utf-8"))
    assert [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)].count("_issue") == 1
