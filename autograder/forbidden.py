"""Finds forbidden shortcuts: names that an answer must not contain, told in the lesson beforehand.

Only code that the answer can reach counts: a student may compare with the library elsewhere.
"""

import ast
from collections.abc import Sequence


def shortcuts(sources: Sequence[str], function: str, forbidden: dict[str, str]) -> list[str]:
    """Return the forbidden names that `function`, or anything it reaches by name, mentions."""
    if not forbidden:
        return []
    bindings: dict[str, list[ast.stmt]] = {}
    for source in sources:
        for statement in _statements(source):
            for bound in _bound(statement):
                bindings.setdefault(bound, []).append(statement)
    seen: set[str] = set()
    waiting = [function]
    mentioned: set[str] = set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for statement in bindings.get(current, []):
            used = _mentioned(statement)
            mentioned |= used
            waiting += used & bindings.keys()
    return [name for name in forbidden if name in mentioned]


def _statements(source: str) -> list[ast.stmt]:
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!", "?"))]
    try:
        return ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _bound(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {statement.name}
        case ast.Import() | ast.ImportFrom():
            return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    nodes = ast.walk(statement)
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _mentioned(statement: ast.stmt) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Name():
                names.add(node.id)
            case ast.Attribute():
                names.add(node.attr)
            case ast.alias():
                names |= set(node.name.split("."))
            case ast.ImportFrom() if node.module:
                names |= set(node.module.split("."))
            case ast.Constant(value=str(text)) if text.isidentifier():
                names.add(text)  # getattr(module, "name")
    return names
