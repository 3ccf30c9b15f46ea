"""The texts of a cell that holds an answer: the stub, the instructor's cell, the plain code."""

import ast
import inspect
import textwrap
from collections.abc import Sequence

from autograder.signature import INDENT, WIDTH, shapes, signature

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
Texts = tuple[str, str, str]


def function_texts(
    exercise: str, node: ast.FunctionDef, lines: Sequence[str], shaped: set[str]
) -> Texts:
    """Return stub, source and code of a function, of which `lines` are its file.

    `shaped` are the names of the annotations that carry a shape.
    """
    head = f"{signature(node, shaped)}\n{_docstring(node, shapes(node, shaped))}"
    body = _body(node, lines)
    return (
        f"{head}\n{INDENT}{_stub(exercise)}",
        f"{head}\n{INDENT}{BEGIN}\n{body}\n{INDENT}{END}",
        f"{head}\n{body}",
    )


def class_texts(exercise: str, node: ast.ClassDef, lines: Sequence[str], shaped: set[str]) -> Texts:
    """Return stub, source and code of a class; the stub has the methods that others call."""
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    bases = ", ".join(map(ast.unparse, [*node.bases, *node.keywords]))
    told = [
        sentence.replace("Shapes:", f"Shapes of {method.name}:", 1)
        for method in methods
        if not ast.get_docstring(method) and (sentence := shapes(method, shaped))
    ]
    head = f"class {node.name}{f'({bases})' if bases else ''}:\n{_docstring(node, ' '.join(told))}"
    stubs, codes = [head], [head]
    for method in methods:
        opening = [textwrap.indent(signature(method, shaped, WIDTH - len(INDENT)), INDENT)]
        opening = [f"{INDENT}@{ast.unparse(each)}" for each in method.decorator_list] + opening
        if ast.get_docstring(method):
            opening.append(textwrap.indent(_docstring(method, shapes(method, shaped)), INDENT))
        codes.append("\n".join([*opening, _body(method, lines)]))
        if _is_called_by_others(method.name):
            first = ["super().__init__()"] if bases and method.name == "__init__" else []
            raises = [2 * INDENT + line for line in (*first, _stub(exercise))]
            stubs.append("\n".join([*opening, *raises]))
    code = "\n\n".join(codes)
    return "\n\n".join(stubs), f"{BEGIN}\n{code}\n{END}", code


def _is_called_by_others(method: str) -> bool:
    return not method.startswith("_") or (method.startswith("__") and method.endswith("__"))


def _docstring(node: ast.FunctionDef | ast.ClassDef, shape_line: str) -> str:
    """Return the docstring as it stands in the cell, with the sentence on shapes."""
    text = ast.get_docstring(node) or ""
    if shape_line:
        text += "\n\n" + textwrap.fill(shape_line, WIDTH - len(INDENT), break_on_hyphens=False)
    quotes = 'r"""' if "\\" in text else '"""'
    end = '\n"""' if "\n" in text else '"""'
    return textwrap.indent(f"{quotes}{inspect.cleandoc(text)}{end}", INDENT)


def _body(node: ast.FunctionDef, lines: Sequence[str]) -> str:
    """Return the lines below the docstring, or below the head with the remarks before the first."""
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        start = first.end_lineno or 0
    else:
        start = first.lineno - 1
        while lines[start - 1].lstrip().startswith("#"):
            start -= 1
    return "\n".join(lines[start : node.end_lineno]).strip("\n")


def _stub(exercise: str) -> str:
    """Return the statement that stands where the answer to an exercise belongs."""
    return f'raise NotAnswered("{exercise}")'
