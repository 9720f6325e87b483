"""Everything public says what it is."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.tree.source import Function, modules, tree


def _public(node: ast.Module | ast.ClassDef, place: str) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    for child in node.body:
        if isinstance(child, ast.ClassDef | Function) and not child.name.startswith("_"):
            yield f"{place} {child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from _public(child, f"{place} {child.name}")


def _overridden(function: ast.ClassDef | Function) -> bool:
    decorators = {ast.unparse(each) for each in function.decorator_list}
    return "override" in decorators or any(name.endswith((".setter", "overload")) for name in decorators)


def test_every_public_module_class_and_function_says_what_it_is() -> None:
    silent = [str(module) for module in modules() if not _said(module)]
    for module in modules():
        if "migrations" in module.parts:
            continue
        for place, node in _public(tree(module), str(module)):
            if ast.get_docstring(node) is None and not _overridden(node):
                silent.append(place)
    assert silent == []


def _said(module: Path) -> bool:
    """An empty `__init__.py` may be silent: its folder's modules speak."""
    return bool(ast.get_docstring(tree(module))) or (module.name == "__init__.py" and not tree(module).body)


def test_docstrings_end_like_sentences() -> None:
    odd = []
    for module in modules():
        for node in [tree(module), *(node for _place, node in _public(tree(module), ""))]:
            said = ast.get_docstring(node)
            first = said.split("\n\n")[0].rstrip() if said else "."
            if not first.endswith((".", ":", "?", "…", ".)", "`")):
                odd.append(f"{module}: {first[-60:]!r}")
    assert odd == []
