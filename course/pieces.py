"""Source text that stands alone: a function of a notebook, with all that it needs, as a module.

`given` runs such pieces in later notebooks, and the grader in a student's process.
"""

import ast
import inspect
import io
import linecache
import symtable
import sys
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

OWN = Path("own")
MAX_CONSTANT = 10_000  # characters of a constant
INSTALLED = ("site-packages", "dist-packages")
# Where a name is looked for first, so that a piece imports as one would write it.
PUBLIC = ("torch", "torch.nn", "torch.nn.functional", "numpy", "math", "collections", "course")


class NotAlone(Exception):
    """A function needs something that cannot be written down."""


@dataclass(frozen=True)
class GivenFunction:
    """A function that `given` gave this process, and the text of the module that it is from."""

    function: Any
    text: str


GIVEN: dict[str, GivenFunction] = {}


def save(name: str, value: Any, names: Mapping[str, Any]) -> None:
    """Write the function that a notebook, whose names are `names`, calls `name` to own/.

    Nothing is written where it cannot stand alone, or when it was given in the first place.
    """
    if any(value is known.function for known in GIVEN.values()):
        return
    try:
        text = f'"""Your own `{name}`: it passed its public cases."""\n\n{piece(name, names)}'
        path = OWN / f"{name}.py"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            OWN.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except Exception:  # it is a courtesy: whatever a notebook holds, check(...) goes on
        return


def piece(name: str, names: Mapping[str, Any]) -> str:
    """Return source that defines `name` and all that it needs of `names`; or raise NotAlone."""
    found = _Piece(names)
    found.add(name)
    return "\n\n\n".join(["\n".join(sorted(found.imports)), *found.parts]).strip() + "\n"


def isolated(source: str, names: Sequence[str]) -> str:
    """Return code that binds `names` and nothing else of what `source` defines."""
    bound = ", ".join(names)
    return (
        f"def _given_functions():\n{_indented(source)}\n\n    return {bound}\n\n\n"
        f"{bound} = _given_functions()\ndel _given_functions\n"
    )


def global_names(source: str) -> set[str]:
    """Return the names that the code in `source` takes from around it."""
    top = symtable.symtable(source, "piece", "exec")
    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    names = {s.get_name() for s in top.get_symbols() if s.is_referenced()}

    def collect(table: symtable.SymbolTable) -> None:
        names.update(s.get_name() for s in table.get_symbols() if s.is_global())
        for child in table.get_children():
            collect(child)

    for child in top.get_children():
        collect(child)
    return names - bound


class _Piece:
    """Collects definitions, each after those that it needs, and the imports for the rest."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.imports: set[str] = set()
        self.parts: list[str] = []
        self.done: set[str] = set()

    def add(self, name: str) -> None:
        """Add what `name` means; a name that means nothing yet would fail here and there alike."""
        if name in self.done or name not in self.names or name.startswith("__"):
            return
        self.done.add(name)
        value = self.names[name]
        if isinstance(value, ModuleType):
            self.imports.add(_import_of_module(name, value))
        elif given := next((known for known in GIVEN if GIVEN[known].function is value), None):
            alias = "" if given == name else f"{name} = {given}"
            self.parts.append((isolated(GIVEN[given].text, [given]) + alias).rstrip())
        elif _is_definition(value) and not _is_installed(value.__module__):
            self.add_definition(name, value)
        elif (line := _import_of(name, value)) is not None:
            self.imports.add(line)
        else:
            self.parts.append(f"{name} = {_constant(name, value)}")

    def add_definition(self, name: str, value: Any) -> None:
        """Add the statement of the notebook that defined a function or a class."""
        function = _written(value)
        if function.__globals__ is not self.names:
            raise NotAlone(f"{name} was not written in the notebook")
        text, bound = _statement(function.__code__)
        if name not in bound:
            other = next((each for each in bound if self.names.get(each) is value), None)
            if other is None:
                raise NotAlone(f"{name} is not what its definition calls so")
            self.add(other)
            self.parts.append(f"{name} = {other}")
            return
        for needed in sorted(global_names(text)):
            self.add(needed)
        self.parts.append(text)


def _written(value: Any) -> FunctionType:
    """Return a function as it was written, below its decorators; of a class, one of its methods."""
    for candidate in [value, *(vars(value).values() if isinstance(value, type) else ())]:
        function = inspect.unwrap(getattr(candidate, "__func__", candidate))
        if isinstance(function, FunctionType) and linecache.getlines(function.__code__.co_filename):
            return function
    raise NotAlone(f"the source of {value!r:.60} is not known")


def _statement(code: CodeType) -> tuple[str, list[str]]:
    """Return the statement of a cell that holds some code, and the names that it binds."""
    lines = linecache.getlines(code.co_filename)
    for node in ast.parse("".join(lines)).body:
        decorated = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(each.lineno for each in decorated)])
        last = node.end_lineno or first
        if first <= code.co_firstlineno <= last:
            text = "".join(lines[first - 1 : last]).rstrip()
            table = symtable.symtable(text, "piece", "exec")
            return text, [s.get_name() for s in table.get_symbols() if s.is_assigned()]
    raise NotAlone("the source has changed")


def _is_definition(value: Any) -> bool:
    """Return whether a value is a function, decorated or not, or a class."""
    return isinstance(inspect.unwrap(value) if callable(value) else value, FunctionType | type)


def _is_installed(module: str | None) -> bool:
    root = (module or "").partition(".")[0]
    if root == "__main__":
        return False
    if root == "course" or root in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(root), "__file__", None) or ""
    return any(part in Path(file).parts for part in INSTALLED)


def _import_of_module(name: str, module: ModuleType) -> str:
    if not _is_installed(module.__name__):
        raise NotAlone(f"the module {module.__name__} is not installed")
    line = f"import {module.__name__}"
    return line if module.__name__ == name else f"{line} as {name}"


def _import_of(name: str, value: Any) -> str | None:
    """Return the statement that imports a value of an installed module; None for other values."""
    own = getattr(value, "__name__", None)
    if not isinstance(own, str):
        return None
    for module in (*PUBLIC, getattr(value, "__module__", None)):
        if not isinstance(module, str) or not _is_installed(module):
            continue
        if getattr(sys.modules.get(module), own, None) is value:
            line = f"from {module} import {own}"
            return line if own == name else f"{line} as {name}"
    return None


def _constant(name: str, value: Any) -> str:
    text = repr(value)
    try:
        if len(text) <= MAX_CONSTANT and ast.literal_eval(text) == value:
            return text
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    raise NotAlone(f"{name} is no plain constant")


def _indented(source: str) -> str:
    """Return the source one level deeper; the inside of a string stays as it is."""
    inside: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.STRING:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
    return "\n".join(
        line if number in inside or not line.strip() else f"    {line}"
        for number, line in enumerate(source.splitlines(), 1)
    )
