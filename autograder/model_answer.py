"""A function or class of solutions/ as a student meets it: its head, its docstring, its answer.

All three are read from the reference's source, so that they are written once.
"""

import ast
import builtins
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.cell_texts import class_texts, function_texts
from autograder.errors import BuildError
from course.outcome import NotAnswered
from course.pieces import global_names

# What an answer may be made of, besides functions of the notebook; the last two for annotations.
LIBRARIES = ("torch", "numpy", "math", "collections", "typing")


@dataclass(frozen=True)
class ModelAnswer:
    """The texts of a reference, a function or a class.

    `stub` is the cell as students get it, `source` as the instructor has it, the answer between
    nbgrader's marks, and `code` the same without them. `imports` are the names that the
    reference's module imports, as (module, attribute); `needs` the names that the code takes from
    the module around it.
    """

    exercise: str
    stub: str
    source: str
    code: str
    imports: dict[str, tuple[str, str]]
    needs: frozenset[str]


def model_answer(exercise: str, reference: Callable[..., Any]) -> ModelAnswer:
    """Return the model answer of an exercise, read from the source of its reference."""
    path = module_file(inspect.unwrap(reference).__module__)
    text = path.read_text(encoding="utf-8")
    module = ast.parse(text)
    node = _definition(exercise, module, path)
    imports = imported(module)
    shaped = {name for name, (source, _) in imports.items() if source == "jaxtyping"}
    _refuse_unfit(exercise, node, path)
    lines = text.splitlines()
    if isinstance(node, ast.FunctionDef):
        stub, source, code = function_texts(exercise, node, lines, shaped)
    else:
        stub, source, code = class_texts(exercise, node, lines, shaped)
    return ModelAnswer(exercise, stub, source, code, imports, frozenset(global_names(code)))


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


def _definition(exercise: str, module: ast.Module, path: Path) -> ast.FunctionDef | ast.ClassDef:
    kinds = ast.FunctionDef | ast.ClassDef
    found = {node.name: node for node in module.body if isinstance(node, kinds)}
    node = found.get(exercise)
    if node is None:
        raise BuildError(
            f"{exercise} must be a function or a class of that name in {path.name}, got none; "
            "name it so"
        )
    return node


def _refuse_unfit(exercise: str, node: ast.FunctionDef | ast.ClassDef, path: Path) -> None:
    """Refuse a reference that cannot become a student's cell."""
    inner = next((n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)), None)
    if inner:
        raise BuildError(
            f"{exercise} in {path.name} must import nothing in its body, got "
            f"`{ast.unparse(inner)}`; import it at the top of the file and in the notebook"
        )
    if not ast.get_docstring(node) or len(node.body) < 2:
        raise BuildError(
            f"{exercise} in {path.name} must have a docstring and a body, got less; write it"
        )
    parts = node.body[1:] if isinstance(node, ast.ClassDef) else []
    other = next((part for part in parts if not isinstance(part, ast.FunctionDef)), None)
    if other:
        raise BuildError(
            f"the class {exercise} in {path.name} must hold methods only, got "
            f"`{ast.unparse(other)[:60]}`; set it in __init__"
        )
    for told in (node, *parts):
        assert isinstance(told, ast.FunctionDef | ast.ClassDef)
        inside = re.search(r"\b(solutions|autograder|jaxtyping)\b", ast.get_docstring(told) or "")
        if inside:
            raise BuildError(
                f"{exercise} in {path.name} must have a docstring that a student understands, got "
                f"{inside[0]!r} in it; say it in the course's own words"
            )
