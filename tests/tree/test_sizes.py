"""Modules and functions stay small enough to be read at one go."""

import statistics

from tests.tree.source import ROOT, functions, length, modules

LONGEST_MODULE, LONGEST_FUNCTION = 400, 60
USUAL_MODULE, USUAL_FUNCTION = 130, 9


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    lengths = {str(module): len((ROOT / module).read_text("utf-8").splitlines()) for module in modules()}
    usual = statistics.median(lengths.values())
    print(f"{len(lengths)} modules, median {usual} lines, longest {max(lengths.values())}")
    assert {module: lines for module, lines in lengths.items() if lines > LONGEST_MODULE} == {}
    assert usual <= USUAL_MODULE


def test_no_function_is_longer_than_sixty_lines() -> None:
    found = {f"{module}:{each.lineno} {each.name}": length(each) for module in modules() for each in functions(module)}
    written = {name: lines for name, lines in found.items() if "/migrations/" not in name}  # migrations are lists, not thought
    usual = statistics.median(written.values())
    print(f"{len(written)} functions, median {usual} lines, longest {max(written.values())}")
    assert {name: lines for name, lines in written.items() if lines > LONGEST_FUNCTION} == {}
    assert usual <= USUAL_FUNCTION
