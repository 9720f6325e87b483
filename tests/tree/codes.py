"""Every code a refusal may carry, and where: `python -m tests.tree.codes` lists them for docs/errors.md."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from tests.tree.source import Function, functions, modules, tree

KINDS = ("ArchiveError", "Refused", "DepositUnusable", "ShelfConflict", "StoreUnavailable", "SettingsWrong")
CODE = "code"


@cache
def codes() -> dict[str, list[str]]:
    """Code to the places that raise it, as `file:line`."""
    found: dict[str, set[str]] = defaultdict(set)
    for place, told in _told():
        for code in told:
            found[code].add(place)
    return {code: sorted(places) for code, places in sorted(found.items())}


def unreadable() -> list[str]:
    """Places that make a refusal with a code that cannot be read off the source."""
    return sorted({place for place, told in _told() if not told})


def _told() -> Iterator[tuple[str, list[str]]]:
    """Each call that must name a code, and the codes it names: to a refusal, or to a function that hands its `code` on to one."""
    takers = dict.fromkeys(_kinds(), 0) | _makers()
    for module in modules():
        inside = {id(call): function for function in functions(module) for call in ast.walk(function)}
        for call in ast.walk(tree(module)):
            if not isinstance(call, ast.Call) or _name(call.func) not in takers:
                continue
            given = _argument(call, takers[_name(call.func)])
            if given is None or _is_handed_on(given, inside.get(id(call))):
                continue
            yield f"{module}:{call.lineno}", list(_strings(given, inside.get(id(call)), tree(module)))
        for function in functions(module):
            yield from ((f"{module}:{function.lineno}", [code]) for code in _default(function) if function.name in takers)


def _kinds() -> set[str]:
    """Names of the refusals, and of those that other modules derive from them."""
    kinds = set(KINDS)
    classes = [node for module in modules() for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef)]
    for _ in range(3):
        kinds |= {node.name for node in classes if any(_name(base) in kinds for base in node.bases)}
    return kinds


def _makers() -> dict[str, int]:
    """Functions that hand their parameter `code` on to a refusal, or to another such function, and its position."""
    having = [function for module in modules() for function in functions(module) if CODE in _parameters(function)]
    takers, makers = _kinds(), dict[str, int]()
    for _ in range(4):
        makers = {function.name: _parameters(function).index(CODE) for function in having if _hands_on(function, takers)}
        takers |= makers.keys()
    return makers


def _hands_on(function: Function, takers: set[str]) -> bool:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _name(node.func) in takers]
    return any(_name(given) == CODE for call in calls for given in [*call.args, *(keyword.value for keyword in call.keywords)])


def _parameters(function: Function) -> list[str]:
    return [argument.arg for argument in [*function.args.args, *function.args.kwonlyargs]]


def _argument(call: ast.Call, position: int) -> ast.expr | None:
    by_name = [keyword.value for keyword in call.keywords if keyword.arg == CODE]
    return by_name[0] if by_name else call.args[position] if position < len(call.args) else None


def _is_handed_on(given: ast.expr, function: ast.AST | None) -> bool:
    """A parameter `code` of the function around it: whoever calls that says which."""
    return isinstance(given, ast.Name) and isinstance(function, Function) and given.id in _parameters(function)


def _strings(node: ast.expr, *scopes: ast.AST | None) -> Iterator[str]:
    """A string, either end of a conditional one, or what a name was given in one of these scopes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _strings(node.body)
        yield from _strings(node.orelse)
    elif isinstance(node, ast.Name):
        for each in (each for scope in scopes if scope for each in ast.walk(scope)):
            if isinstance(each, ast.Assign) and any(_name(target) == node.id for target in each.targets):
                yield from _strings(each.value)


def _default(function: Function) -> Iterator[str]:
    """The code a maker uses when it is told none."""
    named = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    tail = function.args.args[len(function.args.args) - len(function.args.defaults) :]
    for argument, default in [*named, *zip(tail, function.args.defaults, strict=True)]:
        if argument.arg == CODE and default is not None:
            yield from _strings(default)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _print() -> None:
    for code, places in codes().items():
        print(f"{code:40} {'  '.join(places)}")
    for place in unreadable():
        print(f"{'(cannot be read off the source)':40} {place}")


if __name__ == "__main__":
    _print()
