"""Finds forbidden shortcuts: names that an answer must not contain, told in the lesson beforehand.

Only code that the answer can reach counts: a student may compare with the library elsewhere. What
a function calls its own variables and helpers is its own affair.
"""

import ast
import symtable
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

KEPT_TEXTS = 1024  # cells whose statements stay read: a class shares the lesson's own


def shortcuts(sources: Sequence[str], function: str, forbidden: dict[str, str]) -> list[str]:
    """Return the forbidden names that `function`, or anything it reaches by name, mentions."""
    if not forbidden:
        return []
    bindings: dict[str, list[_Statement]] = {}
    for source in sources:
        for statement in _statements(source):
            for bound in statement.bound:
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
            mentioned |= statement.mentioned | (statement.looked_up - bindings.keys())
            waiting += statement.looked_up & bindings.keys()
    return [name for name in forbidden if name in mentioned]


class _Statement:
    """A statement of a cell, and the names that matter in it."""

    def __init__(self, node: ast.stmt) -> None:
        self._node = node

    @cached_property
    def bound(self) -> set[str]:
        """The names that it gives to the notebook."""
        top = self._table
        if top is None:
            return _names(self._node, ast.Store)
        return {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}

    @cached_property
    def looked_up(self) -> set[str]:
        """The names that it takes from the notebook: no variable of a function."""
        top = self._table
        if top is None:
            return _names(self._node, ast.Load)
        found = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
        for table in _tables(top):
            found |= {s.get_name() for s in table.get_symbols() if s.is_global()}
        return found

    @cached_property
    def mentioned(self) -> set[str]:
        """The names that it takes from modules and objects."""
        return _mentioned(self._node)

    @cached_property
    def _table(self) -> symtable.SymbolTable | None:
        return _table(self._node)


@lru_cache(KEPT_TEXTS)
def _statements(source: str) -> tuple[_Statement, ...]:
    lines = [line for line in source.splitlines() if not line.lstrip().startswith(("%", "!", "?"))]
    try:
        return tuple(map(_Statement, ast.parse("\n".join(lines)).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _table(statement: ast.stmt) -> symtable.SymbolTable | None:
    """Return the statement's names by scope; None where it is none by itself (a stray return)."""
    try:
        return symtable.symtable(ast.unparse(statement), "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _tables(top: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in top.get_children():
        yield child
        yield from _tables(child)


def _names(statement: ast.stmt, kind: type[ast.expr_context]) -> set[str]:
    nodes = ast.walk(statement)
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, kind)}


def _mentioned(statement: ast.stmt) -> set[str]:
    """Return the names that a statement takes from modules and objects."""
    names: set[str] = set()
    told = _told_by_stubs(statement)
    for node in ast.walk(statement):
        match node:
            case ast.Constant() if id(node) in told:
                continue
            case ast.Attribute():
                names.add(node.attr)
            case ast.alias():
                names |= set(node.name.split("."))
            case ast.ImportFrom() if node.module:
                names |= set(node.module.split("."))
            case ast.Constant(value=str(text)) if text.isidentifier():
                names.add(text)  # getattr(module, "name")
    return names


def _told_by_stubs(statement: ast.stmt) -> set[int]:
    """Return the ids of the texts in `raise NotAnswered("name")`, as cells are given out."""
    told: set[int] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id="NotAnswered"), args=arguments)):
                told |= {id(argument) for argument in arguments}
    return told
