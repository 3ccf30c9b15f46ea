"""The names in the code of cells: which it binds, which it looks up, and what a name leads to.

Read, never run. Code that is no Python binds nothing here, except by its look (`defines`).
"""

import ast
import re
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

KEPT_TEXTS = 1024  # cells whose statements stay read: a class shares the lesson's own
LEFT_OUT = (ast.Expr, ast.For, ast.While, ast.AsyncFor)  # calls and loops define no answer


@dataclass(frozen=True)
class Reached:
    """What a name leads to: statements, the names they look up, and all that the cells bind."""

    statements: "list[Statement]"
    looked_up: set[str]
    bound: set[str]


def defines(source: str, name: str) -> bool:
    """Return whether code gives something to a name, by its look: it may not even be Python."""
    if name not in source:
        return False
    word = re.escape(name)
    made = rf"{word}[ \t]*(?::[^=\n]+)?=(?!=)"
    imported = rf"(?:from[ \t]+\S+[ \t]+)?import\b[^\n]*\b{word}\b"
    found = re.search(rf"^[ \t]*(?:{made}|{imported})", source, re.MULTILINE)
    return found is not None or has_definition(source, name)


def has_definition(source: str, name: str) -> bool:
    """Return whether code defines a function or class of that name, by its look."""
    if name not in source:
        return False
    head = rf"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+{re.escape(name)}\b"
    return re.search(head, source, re.MULTILINE) is not None


def definitions(source: str) -> list[str]:
    """Return the statements of a cell one by one, but for calls, loops and magics."""
    text = _without_magics(source)
    lines = text.splitlines()
    parts = []
    for node in [statement.node for statement in _statements(source)]:
        decorated = getattr(node, "decorator_list", [])
        if isinstance(node, LEFT_OUT):
            continue
        if decorated:
            parts.append("\n".join(lines[decorated[0].lineno - 1 : node.end_lineno]))
        else:
            parts.append(ast.get_source_segment(text, node) or "")
    return parts


def bound(source: str) -> set[str]:
    """Return the names that a cell binds or deletes."""
    return {name for statement in _statements(source) for name in statement.bound}


def reach(sources: Sequence[str], function: str) -> Reached:
    """Return what a function, and anything that it reaches by name, consists of and looks up."""
    bindings: dict[str, list[Statement]] = {}
    for source in sources:
        for statement in _statements(source):
            for name in statement.bound:
                bindings.setdefault(name, []).append(statement)
    reached: list[Statement] = []
    seen: set[str] = set()
    waiting = [function]
    looked_up: set[str] = set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for statement in bindings.get(current, []):
            reached.append(statement)
            looked_up |= statement.looked_up
            waiting += statement.looked_up & bindings.keys()
    return Reached(reached, looked_up, set(bindings))


def _without_magics(source: str) -> str:
    lines = source.splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!", "?")))


class Statement:
    """A statement of a cell, and the names that matter in it."""

    def __init__(self, node: ast.stmt) -> None:
        self.node = node

    @cached_property
    def bound(self) -> set[str]:
        """The names that it gives to the notebook."""
        top = self._table
        if top is None:
            return _names(self.node, ast.Store)
        return {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}

    @cached_property
    def looked_up(self) -> set[str]:
        """The names that it takes from the notebook: no variable of a function."""
        top = self._table
        if top is None:
            return _names(self.node, ast.Load)
        found = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
        for table in _tables(top):
            found |= {s.get_name() for s in table.get_symbols() if s.is_global()}
        return found

    @cached_property
    def mentioned(self) -> set[str]:
        """The names that it takes from modules and objects."""
        return _mentioned(self.node)

    @cached_property
    def _table(self) -> symtable.SymbolTable | None:
        return _table(self.node)


@lru_cache(KEPT_TEXTS)
def _statements(source: str) -> tuple[Statement, ...]:
    try:
        return tuple(map(Statement, ast.parse(_without_magics(source)).body))
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
