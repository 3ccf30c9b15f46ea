"""A function of solutions/ as a student meets it: its signature, its docstring, its model answer.

All three are read from the reference's source, so that they are written once.
"""

import ast
import builtins
import inspect
import re
import symtable
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import BuildError
from autograder.signature import INDENT, WIDTH, shapes, signature
from autograder.stubs import stub_of
from course.outcome import NotAnswered

# What an answer may be made of, besides functions of the notebook; the last two for annotations.
LIBRARIES = ("torch", "numpy", "math", "collections", "typing")
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


@dataclass(frozen=True)
class ModelAnswer:
    """A reference in its three parts.

    `imports` are the names that the reference's module imports, as (module, attribute); `needs`
    the names that the function takes from the module around it.
    """

    exercise: str
    signature: str
    docstring: str
    body: str
    imports: dict[str, tuple[str, str]]
    needs: frozenset[str]

    @property
    def source(self) -> str:
        """The cell as the instructor has it, the answer between nbgrader's marks."""
        parts = (self.signature, self.docstring, INDENT + BEGIN, self.body, INDENT + END)
        return "\n".join(parts)

    @property
    def stub(self) -> str:
        """The cell as students get it."""
        return "\n".join((self.signature, self.docstring, INDENT + stub_of(self.exercise)))


def model_answer(exercise: str, reference: Callable[..., Any]) -> ModelAnswer:
    """Return the model answer of an exercise, read from the source of its reference."""
    path = module_file(inspect.unwrap(reference).__module__)
    text = path.read_text(encoding="utf-8")
    module = ast.parse(text)
    node = _definition(exercise, module, path)
    imports = imported(module)
    shaped = {name for name, (source, _) in imports.items() if source == "jaxtyping"}
    docstring = _docstring(exercise, node, shapes(node, shaped), path)
    lines = text.splitlines()[(node.body[0].end_lineno or 0) : node.end_lineno]
    head, body = signature(node, shaped), "\n".join(lines).strip("\n")
    needs = _needs(f"{head}\n{body}\n") - {exercise}
    return ModelAnswer(exercise, head, docstring, body, imports, needs)


def module_file(name: str) -> Path:
    """Return the file of a module that has been imported."""
    return Path(str(sys.modules[name].__file__))


def imported(module: ast.Module) -> dict[str, tuple[str, str]]:
    """Return the names that top-level imports bind: (module, attribute), "" for a whole module."""
    names: dict[str, tuple[str, str]] = {}
    for node in module.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                names[alias.asname or root] = (alias.name if alias.asname else root, "")
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = (node.module or "", alias.name)
    return names


def check_names(
    answer: ModelAnswer, functions: set[str], imports: dict[str, tuple[str, str]], where: str
) -> None:
    """Refuse a model answer that uses what a student does not have at its place in the notebook.

    It may use `functions`, written or given before it, and what the notebook imports as
    solutions/ does.
    """
    for name in sorted(answer.needs - functions - set(dir(builtins))):
        source = answer.imports.get(name, ("", ""))
        if source[0].partition(".")[0] not in LIBRARIES or imports.get(name) != source:
            raise BuildError(
                f"{where}: the model answer of {answer.exercise} must use only functions of the "
                f"notebook above it and what the notebook imports alike from "
                f"{', '.join(LIBRARIES)}, got {name}; import it there, make it an exercise above, "
                "or write it into the function"
            )


def check_stub(answer: ModelAnswer, imports: ast.Module, where: str) -> None:
    """Refuse a stub that does not run with the notebook's imports, or does not say what it awaits.

    `imports` are the import statements of the notebook above it.
    """
    names: dict[str, Any] = {}
    try:
        exec(compile(imports, where, "exec"), names)
        exec(compile(answer.stub, where, "exec"), names)
        function = names[answer.exercise]
        parameters = inspect.signature(function).parameters.values()
        named = {p.name: None for p in parameters if p.kind == p.KEYWORD_ONLY}
        function(*[None] * (len(parameters) - len(named)), **named)
    except NotAnswered:
        return
    except Exception as error:
        raise BuildError(
            f"{where}: the stub of {answer.exercise} must run in the notebook, got "
            f"{type(error).__name__}: {error}; import what it needs in a cell above"
        ) from error


def _definition(exercise: str, module: ast.Module, path: Path) -> ast.FunctionDef:
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    node = functions.get(exercise)
    if node is None:
        raise BuildError(
            f"{exercise} must be a function of that name in {path.name}, got none; name it so"
        )
    inner = next((n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)), None)
    if inner:
        raise BuildError(
            f"{exercise} in {path.name} must import nothing in its body, got "
            f"`{ast.unparse(inner)}`; import it at the top of the file and in the notebook"
        )
    return node


def _docstring(exercise: str, node: ast.FunctionDef, shape_line: str, path: Path) -> str:
    text = ast.get_docstring(node)
    if not text or len(node.body) < 2:
        raise BuildError(
            f"{exercise} in {path.name} must have a docstring and a body, got less; write it"
        )
    inside = re.search(r"\b(solutions|autograder|jaxtyping)\b", text)
    if inside:
        raise BuildError(
            f"{exercise} in {path.name} must have a docstring that a student understands, got "
            f"{inside[0]!r} in it; say it in the course's own words"
        )
    if shape_line:
        text += "\n\n" + textwrap.fill(shape_line, WIDTH - len(INDENT), break_on_hyphens=False)
    quotes = 'r"""' if "\\" in text else '"""'
    end = '\n"""' if "\n" in text else '"""'
    return textwrap.indent(f"{quotes}{text}{end}", INDENT)


def _needs(source: str) -> frozenset[str]:
    """Return the global names that a function definition refers to."""
    top = symtable.symtable(source, "answer", "exec")
    needs = {s.get_name() for s in top.get_symbols() if s.is_referenced() and not s.is_assigned()}

    def collect(table: symtable.SymbolTable) -> None:
        needs.update(s.get_name() for s in table.get_symbols() if s.is_global())
        for child in table.get_children():
            collect(child)

    for child in top.get_children():
        collect(child)
    return frozenset(needs)
